/* Strings and bytes, and text under construction. */
#ifndef STARLARK_STR_H
#define STARLARK_STR_H

#include "starlark/hash.h"
#include "starlark/vm.h"

/* Room for `size` bytes, to be filled in by the caller. NULL on failure. */
struct str *sl_str_room(struct star_vm *vm, size_t size, enum kind kind);
struct str *sl_str_new(struct star_vm *vm, const char *text, size_t size);
star_value sl_str_value(struct star_vm *vm, const char *text, size_t size);
star_value sl_bytes_value(struct star_vm *vm, const char *text, size_t size);
/* A part of `whole`, of its type; `whole` itself if all of it. */
star_value sl_str_part(struct star_vm *vm, struct str *whole, size_t start, size_t end);
/* A constant of a program, to be freed with free(). NULL when there is no memory. */
struct str *sl_str_immortal(const char *text, size_t size, bool bytes, const uint64_t key[2]);
star_value sl_tuple_immortal(const star_value *items, size_t count);

static inline uint32_t sl_str_hash(struct str *str, const uint64_t key[2])
{
    if (str->head.aux == 0)
        str->head.aux = sl_hash_bytes(str->data, str->size, key);
    return str->head.aux;
}

static inline bool sl_str_same(const struct str *a, const struct str *b)
{
    return a == b || (a->size == b->size && memcmp(a->data, b->data, a->size) == 0);
}

bool sl_str_is_ascii(struct str *str);
int sl_str_compare(const struct str *a, const struct str *b);

struct star_text {
    struct star_vm *vm;
    char *data;
    size_t size, capacity;
    bool failed;
    /* containers being printed, against cycles */
    struct head **path;
    size_t depth, path_capacity;
};

#define TEXT_INIT(the_vm) ((struct star_text){.vm = (the_vm)})

void sl_text_free(struct star_text *text);
/* At least `size` more bytes; NULL on failure. The caller adds to text->size what it wrote. */
char *sl_text_room(struct star_text *text, size_t size);
void sl_text_put(struct star_text *text, const char *bytes, size_t size);
void sl_text_put_char(struct star_text *text, char c);
void sl_text_put_point(struct star_text *text, uint32_t point);
void sl_text_put_str(struct star_text *text,
                     star_value value);
/* What made a struct: "struct", a string's text or the value's repr. */
void sl_repr_constructor(struct star_text *text, star_value constructor); /* strings and bytes raw, others as repr */
/* Frees the text and gives it as a string; STAR_NULL if something failed. */
star_value sl_text_finish(struct star_text *text);
star_value sl_text_finish_bytes(struct star_text *text);

/* repr.c */
void sl_repr(struct star_text *text, star_value value);
void sl_quote(struct star_text *text, const char *p, size_t size, bool bytes);

#endif
