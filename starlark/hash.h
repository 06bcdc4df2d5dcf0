/* Keyed hashing: a script's author cannot know the key and so cannot make keys collide. */
#ifndef STARLARK_HASH_H
#define STARLARK_HASH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/auxv.h>

/* The process's own secret: the kernel gives each program 16 random bytes at its start. The same
 * for all interpreters, so that programs, whose constants carry their hashes, can be shared. */
static inline void sl_hash_key(uint64_t key[2])
{
    const void *random = (const void *)(uintptr_t)getauxval(AT_RANDOM);
    key[0] = 0x9E3779B97F4A7C15u;
    key[1] = 0xD1B54A32D192ED03u;
    if (random)
        memcpy(key, random, 16);
    key[0] |= 1;
    key[1] |= 1;
}

static inline uint64_t sl_fold(uint64_t a, uint64_t b)
{
    __extension__ unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* Never 0, which stands for "not yet known". */
static inline uint32_t sl_hash_finish(uint64_t hash)
{
    uint32_t folded = (uint32_t)(hash ^ hash >> 32);
    return folded ? folded : 1;
}

static inline uint32_t sl_hash_int(uint64_t value, const uint64_t key[2])
{
    return sl_hash_finish(sl_fold(value ^ key[0], key[1]));
}

static inline uint64_t sl_hash_load(const char *p, size_t size)
{
    uint64_t word = 0;
    memcpy(&word, p, size);
    return word;
}

/* Folded multiplication of 16 bytes at a time, each mixed with the key. */
static inline uint32_t sl_hash_bytes(const char *p, size_t size, const uint64_t key[2])
{
    uint64_t hash = key[0] ^ size;
    const char *end = p + size;
    for (; end - p > 16; p += 16)
        hash = sl_fold(sl_hash_load(p, 8) ^ hash, sl_hash_load(p + 8, 8) ^ key[1]);
    size_t left = (size_t)(end - p);
    uint64_t a, b;
    if (left >= 8) {
        a = sl_hash_load(p, 8);
        b = sl_hash_load(end - 8, 8);
    } else {
        a = sl_hash_load(p, left);
        b = 0;
    }
    hash = sl_fold(a ^ hash, b ^ key[1]);
    return sl_hash_finish(sl_fold(hash ^ key[0], key[1] ^ size));
}

#endif
