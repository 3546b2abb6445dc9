// Without an #include: all it knows of chaku comes from the module.
@import chaku;

int main(void) {
    return chaku_abi_version() == CHAKU_ABI_VERSION && chaku_code_name(CHAKU_OK)[0] == 'O' ? 0 : 1;
}
