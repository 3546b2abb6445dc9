/* The header's constants are the library's answers. */
#include "check.h"

int main(void) {
    char text[64];
    int64_t i;
    CHECK(chaku_abi_version() == CHAKU_ABI_VERSION);
    CHECK(chaku_version_number() == CHAKU_VERSION_NUMBER);
    CHECK(CHAKU_VERSION_NUMBER == CHAKU_VERSION_MAJOR * 1000000 + CHAKU_VERSION_MINOR * 1000 + CHAKU_VERSION_PATCH);
    snprintf(text, sizeof text, "%d.%d.%d", CHAKU_VERSION_MAJOR, CHAKU_VERSION_MINOR, CHAKU_VERSION_PATCH);
    CHECK(strcmp(text, chaku_version()) == 0);
    CHECK(strstr(chaku_build_info(), text) != NULL);
    CHECK(strstr(chaku_build_info(), "llama.cpp") != NULL);

    CHECK(chaku_has_feature("cpu") == 1);
    CHECK(chaku_has_feature("no such feature") == 0);
    CHECK(chaku_has_feature(NULL) == 0);
    CHECK(chaku_backend_count() >= 1 && strcmp(chaku_backend_name(0), "cpu") == 0);
    CHECK(chaku_backend_name(chaku_backend_count()) == NULL && chaku_backend_name(-1) == NULL);
    CHECK(chaku_device_count() >= 1);
    for (i = 0; i < chaku_device_count(); i++) {
        CHECK(chaku_device_name(i)[0] != '\0' && chaku_device_backend(i) != NULL && chaku_device_description(i) != NULL);
        CHECK(chaku_device_kind(i) >= CHAKU_DEVICE_CPU && chaku_device_kind(i) <= CHAKU_DEVICE_ACCELERATOR);
        CHECK(chaku_device_memory_free(i) <= chaku_device_memory_total(i));
    }
    CHECK(chaku_device_name(i) == NULL && chaku_device_kind(i) == 0 && chaku_device_memory_total(-1) == -1);

    CHECK(strcmp(chaku_code_name(CHAKU_OK), "OK") == 0);
    CHECK(strcmp(chaku_code_name(CHAKU_UNAUTHENTICATED), "UNAUTHENTICATED") == 0);
    CHECK(strcmp(chaku_code_name(-7), "UNKNOWN") == 0);

    CHECK(chaku_option_kind(CHAKU_OPT_TEMPERATURE) == CHAKU_OPTION_KIND_F64);
    CHECK(chaku_option_kind(CHAKU_OPT_STOP) == CHAKU_OPTION_KIND_STR_LIST);
    CHECK(strcmp(chaku_option_scope(CHAKU_OPT_CTX_SIZE), "model") == 0);
    CHECK(strcmp(chaku_option_unit(CHAKU_OPT_DEADLINE_MS), "ms") == 0);
    return check_summary("version");
}
