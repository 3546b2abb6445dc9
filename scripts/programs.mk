# The programs that compare libchaku with a plain llama.cpp loop. The Makefile includes this.
CFLAGS ?= -O2 -g
# An absolute rpath works with GNU ld and with Apple's.
LINK_CHAKU := -Iinclude -Ltarget/release -lchaku -Wl,-rpath,$(CURDIR)/target/release
# The llama.cpp that is inside libchaku: programs that link it themselves are made anew when it changes.
LLAMA := $(wildcard target/release/build/llama-cpp-sys-2-*/out/lib/libllama.a)
RAW := tests/reference/raw_llama.hpp scripts/cxx_llama.sh $(LLAMA)

BENCHES := $(addprefix target/benches/,decode first_token_raw first_token_chaku cancel drain stream handles)

target/tests/reference/raw: tests/reference/raw.cpp $(RAW)
	@mkdir -p $(@D)
	scripts/cxx_llama.sh $< -o $@

target/tests/reference/abi: tests/reference/abi.c include/chaku.h
	@mkdir -p $(@D)
	$(CC) -std=c99 -Wall -Wextra $(CFLAGS) $< -o $@ $(LINK_CHAKU)

target/benches/first_token_raw: benches/first_token_raw.cpp benches/measure.hpp $(RAW)
	@mkdir -p $(@D)
	scripts/cxx_llama.sh $< -o $@

target/benches/decode: benches/decode.cpp benches/client.hpp benches/measure.hpp include/chaku.h $(RAW)
	@mkdir -p $(@D)
	scripts/cxx_llama.sh $< -o $@ $(LINK_CHAKU)

target/benches/%: benches/%.cpp benches/client.hpp benches/measure.hpp include/chaku.h
	@mkdir -p $(@D)
	$(CXX) -std=c++17 -Wall -Wextra $(CFLAGS) $< -o $@ $(LINK_CHAKU)
