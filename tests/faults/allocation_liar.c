/* Preloaded: the allocation that `fail` counted down to is refused, if it is large; all others are granted. glibc only. */
#include <errno.h>
#include <stddef.h>

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);

static size_t large = (size_t)-1;
static long left;

/* Refuses the n-th allocation from now on of at least this many bytes. Gives how many came since the last call. */
long fail(size_t bytes, long n);
long fail(size_t bytes, long n) {
    static long last;
    long seen = last - __atomic_exchange_n(&left, n, __ATOMIC_SEQ_CST);
    last = n;
    large = bytes;
    return seen;
}

static int refused(size_t bytes) {
    if (bytes < large || __atomic_fetch_sub(&left, 1, __ATOMIC_SEQ_CST) != 1) return 0;
    errno = ENOMEM;
    return 1;
}

void *malloc(size_t bytes) { return refused(bytes) ? NULL : __libc_malloc(bytes); }
void *calloc(size_t count, size_t bytes) { return refused(count * bytes) ? NULL : __libc_calloc(count, bytes); }
void *realloc(void *at, size_t bytes) { return refused(bytes) ? NULL : __libc_realloc(at, bytes); }
void *aligned_alloc(size_t alignment, size_t bytes) { return refused(bytes) ? NULL : __libc_memalign(alignment, bytes); }
void *memalign(size_t alignment, size_t bytes) { return aligned_alloc(alignment, bytes); }
int posix_memalign(void **out, size_t alignment, size_t bytes) {
    if (refused(bytes)) return ENOMEM;
    *out = __libc_memalign(alignment, bytes);
    return *out == NULL ? ENOMEM : 0;
}
