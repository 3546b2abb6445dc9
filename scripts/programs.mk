# The programs that compare libchaku with a plain llama.cpp loop. The Makefile includes this.
CFLAGS ?= -O2 -g
# An absolute rpath works with GNU ld and with Apple's.
LINK_CHAKU := -Iinclude -Ltarget/release -lchaku -Wl,-rpath,$(CURDIR)/target/release
# The llama.cpp that is inside libchaku: programs that link it themselves are made anew when it changes.
LLAMA := $(wildcard target/release/build/llama-cpp-sys-2-*/out/lib/libllama.a)
RAW := tests/reference/raw_llama.hpp scripts/cxx_llama.sh $(LLAMA)

# Some link llama.cpp too, to measure it beside libchaku or alone.
BOTH := $(addprefix target/benches/,decode batch16 shared8)
ALONE := $(addprefix target/benches/,first_token_raw load_raw shapes)
BENCHES := $(BOTH) $(ALONE) $(addprefix target/benches/,first_token_chaku cancel drain stream handles gap busy cancel_running stalled constraint)

target/tests/reference/raw: tests/reference/raw.cpp $(RAW)
	@mkdir -p $(@D)
	scripts/cxx_llama.sh $< -o $@

target/tests/reference/abi: tests/reference/abi.c include/chaku.h
	@mkdir -p $(@D)
	$(CC) -std=c99 -Wall -Wextra $(CFLAGS) $< -o $@ $(LINK_CHAKU)

BENCH_HEADERS := $(wildcard benches/*.hpp)

$(ALONE): target/benches/%: benches/%.cpp $(BENCH_HEADERS) $(RAW)
	@mkdir -p $(@D)
	scripts/cxx_llama.sh $< -o $@

$(BOTH): target/benches/%: benches/%.cpp $(BENCH_HEADERS) include/chaku.h $(RAW)
	@mkdir -p $(@D)
	scripts/cxx_llama.sh $< -o $@ $(LINK_CHAKU)

target/benches/%: benches/%.cpp $(BENCH_HEADERS) include/chaku.h
	@mkdir -p $(@D)
	$(CXX) -std=c++17 -Wall -Wextra $(CFLAGS) $< -o $@ $(LINK_CHAKU) -pthread

# It reads JSON with what llama.cpp brings.
target/compare/chaku_side: benches/compare/sides/chaku_side.cpp $(BENCH_HEADERS) include/chaku.h $(RAW)
	@mkdir -p $(@D)
	scripts/cxx_llama.sh $< -o $@ $(LINK_CHAKU)
