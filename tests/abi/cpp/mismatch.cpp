// A program whose header is that of another library than the one it runs with: nothing is made.
#include <chaku.h>

#ifdef OTHER_ABI
#undef CHAKU_ABI_VERSION
#define CHAKU_ABI_VERSION 4711
#else
#undef CHAKU_VERSION_NUMBER
#define CHAKU_VERSION_NUMBER 4711
#endif

#include "check.hpp"

int main() {
    const auto refused = [](const chaku::Error &error) {
        return error.code() == chaku::Code::failed_precondition && error.reason() == "abi_mismatch" &&
               !error.message().empty();
    };
    CHECK(refused(chaku::check_abi().error()));
    CHECK(refused(chaku::Runtime::make().error()));
    CHECK(refused(chaku::Model::load("no/such/file.gguf").error()));
    CHECK(refused(chaku::Model::load_async("no/such/file.gguf").error()));
    CHECK(refused(chaku::Options({{"max_tokens", 1}}).error()));
    CHECK(!chaku::Options({{"max_tokens", 1}}));
    return summary("mismatch");
}
