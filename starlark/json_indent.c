/* Laying JSON text out: a strict check of the grammar and new white space, with Go's messages
 * (encoding/json). */
#include "starlark/json.h"

#include <stdio.h>

struct indenter {
    struct star_text *out;
    const char *at, *end;
    const struct str *prefix, *indent;
    int depth;
};

static bool indent_value(struct indenter *in);

static void skip_space(struct indenter *in)
{
    while (in->at < in->end &&
           (*in->at == ' ' || *in->at == '\n' || *in->at == '\t' || *in->at == '\r'))
        in->at++;
}

static bool fail(struct indenter *in, const char *where)
{
    if (in->at >= in->end)
        star_fail(in->out->vm, "unexpected end of JSON input");
    else if (*in->at == '\'')
        star_fail(in->out->vm, "invalid character '\\'' %s", where);
    else if (*in->at == '"')
        star_fail(in->out->vm, "invalid character '\"' %s", where);
    else if ((unsigned char)*in->at < 0x20)
        star_fail(in->out->vm,
                  *in->at == '\n' ? "invalid character '\\n' %s" : "invalid control character %s",
                  where);
    else
        star_fail(in->out->vm, "invalid character '%c' %s", *in->at, where);
    return false;
}

static void newline(struct indenter *in)
{
    sl_text_put_char(in->out, '\n');
    sl_text_put(in->out, in->prefix->data, in->prefix->size);
    for (int i = 0; i < in->depth; i++)
        sl_text_put(in->out, in->indent->data, in->indent->size);
}

static bool indent_string(struct indenter *in)
{
    const char *start = in->at++;
    for (; in->at < in->end && *in->at != '"'; in->at++) {
        if ((unsigned char)*in->at < 0x20)
            return fail(in, "in string literal");
        if (*in->at != '\\')
            continue;
        in->at++;
        if (in->at == in->end || !strchr("\"\\/bfnrtu", *in->at) || *in->at == '\0')
            return fail(in, "in string escape code");
        for (int i = 0; *in->at == 'u' && i < 4; i++)
            if (in->end - in->at <= i + 1 || !strchr("0123456789abcdefABCDEF", in->at[i + 1]) ||
                in->at[i + 1] == '\0')
                return in->at += i + 1, fail(in, "in \\u hexadecimal character escape");
    }
    if (in->at >= in->end)
        return fail(in, "");
    in->at++;
    sl_text_put(in->out, start, (size_t)(in->at - start));
    return true;
}

static bool digits(struct indenter *in)
{
    const char *start = in->at;
    while (in->at < in->end && *in->at >= '0' && *in->at <= '9')
        in->at++;
    return in->at > start;
}

static bool indent_number(struct indenter *in)
{
    const char *start = in->at;
    in->at += *in->at == '-';
    if (in->at < in->end && *in->at == '0')
        in->at++;
    else if (!digits(in))
        return fail(in, "in numeric literal");
    if (in->at < in->end && *in->at == '.') {
        in->at++;
        if (!digits(in))
            return fail(in, "after decimal point in numeric literal");
    }
    if (in->at < in->end && (*in->at | 32) == 'e') {
        in->at++;
        if (in->at < in->end && (*in->at == '+' || *in->at == '-'))
            in->at++;
        if (!digits(in))
            return fail(in, "in exponent of numeric literal");
    }
    sl_text_put(in->out, start, (size_t)(in->at - start));
    return true;
}

static bool indent_word(struct indenter *in, const char *word)
{
    for (const char *p = word; *p; p++, in->at++) {
        char where[64];
        if (in->at < in->end && *in->at == *p)
            continue;
        snprintf(where, sizeof(where), "in literal %s (expecting '%c')", word, *p);
        return fail(in, where);
    }
    star_text_put_z(in->out, word);
    return true;
}

static bool indent_member(struct indenter *in)
{
    skip_space(in);
    if (in->at >= in->end || *in->at != '"')
        return fail(in, "looking for beginning of object key string");
    if (!indent_string(in))
        return false;
    skip_space(in);
    if (in->at >= in->end || *in->at != ':')
        return fail(in, "after object key");
    in->at++;
    sl_text_put(in->out, ": ", 2);
    return indent_value(in);
}

static bool indent_container(struct indenter *in, char open, char close)
{
    in->at++;
    sl_text_put_char(in->out, open);
    skip_space(in);
    if (in->at < in->end && *in->at == close) {
        in->at++;
        sl_text_put_char(in->out, close);
        return true;
    }
    for (in->depth++;;) {
        newline(in);
        if (!(open == '{' ? indent_member(in) : indent_value(in)))
            return false;
        skip_space(in);
        if (in->at >= in->end || (*in->at != ',' && *in->at != close))
            return fail(in, open == '{' ? "after object key:value pair" : "after array element");
        if (*in->at++ == close)
            break;
        sl_text_put_char(in->out, ',');
    }
    in->depth--;
    newline(in);
    sl_text_put_char(in->out, close);
    return sl_charge(in->out->vm, 1);
}

static bool indent_value(struct indenter *in)
{
    skip_space(in);
    if (in->depth >= DEPTH_MAX) {
        star_fail(in->out->vm, "exceeded max depth");
        return false;
    }
    switch (in->at < in->end ? *in->at : '\0') {
    case '{':
        return indent_container(in, '{', '}');
    case '[':
        return indent_container(in, '[', ']');
    case '"':
        return indent_string(in);
    case 't':
        return indent_word(in, "true");
    case 'f':
        return indent_word(in, "false");
    case 'n':
        return indent_word(in, "null");
    case '-':
    case '0' ... '9':
        return indent_number(in);
    default:
        return fail(in, "looking for beginning of value");
    }
}

bool sl_json_indent(struct star_text *text, const char *json, size_t size, const struct str *prefix,
                    const struct str *indent)
{
    struct indenter in = {
        .out = text, .at = json, .end = json + size, .prefix = prefix, .indent = indent};
    if (!indent_value(&in))
        return false;
    const char *rest = in.at;
    skip_space(&in);
    sl_text_put(text, rest, (size_t)(in.at - rest)); /* white space at the end stays */
    return in.at == in.end ? !text->failed : fail(&in, "after top-level value");
}
