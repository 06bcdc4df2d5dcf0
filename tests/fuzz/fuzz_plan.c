/* What a taken-over interpreter may send as a plan: taken in, validated, ordered and shown. */
#include "backend/plan/depends.h"
#include "backend/plan/validate.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void use(struct plan *plan)
{
    struct buf text = BUF_INIT(BUF_MAX_DOCUMENT);
    json_t *enclave =
        json_pack("{s:{s:{s:s}}, s:i, s:i}", "services", "web", "uuid",
                  "0123456789abcdef0123456789abcdef", "cpus", 4, "memory_bytes", 1000000000);
    plan_put_json(plan, &text, NULL);
    for (size_t i = 0; i < plan->count; i++) {
        plan_put_instruction(&text, &plan->items[i]);
        plan_put_stack(&text, &plan->items[i]);
    }
    plan_validate(plan, enclave, NULL);
    json_decref(plan_order(plan));
    json_decref(enclave);
    buf_done(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    json_t *document = json_loadb((const char *)data, size, 0, NULL);
    struct plan *plan = document ? plan_new(document, 1, NULL) : NULL;
    if (plan)
        use(plan);
    plan_free(plan);
    json_decref(document);
    return 0;
}
