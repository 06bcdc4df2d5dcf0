/* The instructions, with their arguments in positional order. */
#include "backend/plan/instruction.h"

#include "backend/base/cleanup.h"

#include <string.h>

#ifdef KFS_PLAN_INTERPRETER
#define ENGINE(function) NULL
#else
#include "backend/plan/instructions.h"
#define ENGINE(function) function
#endif

#define RECIPES      "ExecRecipe GetHttpRequestRecipe PostHttpRequestRecipe"
#define HTTP_RECIPES "GetHttpRequestRecipe PostHttpRequestRecipe"
#define IMAGES       "ImageSpec ImageBuildSpec NixBuildSpec"

/* The service that is added, changed or ended: its name is the instruction's subject. */
#define SERVICE_FIELD(field)                                        \
    {                                                               \
        .name = field, .kind = PLAN_STRING,                         \
        .flags = PLAN_REQUIRED | PLAN_NONEMPTY | PLAN_NAMES_SERVICE \
    }

static const struct plan_field add_service_fields[] = {
    {.name = "name",
     .kind = PLAN_STRING,
     .flags = PLAN_REQUIRED | PLAN_NONEMPTY,
     .alias = "service_name"},
    {.name = "config", .kind = PLAN_TYPE, .flags = PLAN_REQUIRED, .types = "ServiceConfig"},
    {.name = "force_update", .kind = PLAN_BOOL},
    {0},
};

static const struct plan_field add_services_fields[] = {
    {.name = "configs",
     .kind = PLAN_TYPE_DICT,
     .flags = PLAN_REQUIRED | PLAN_NONEMPTY,
     .types = "ServiceConfig"},
    {.name = "force_update", .kind = PLAN_BOOL},
    {0},
};

static const struct plan_field exec_fields[] = {
    SERVICE_FIELD("service_name"),
    {.name = "recipe", .kind = PLAN_TYPE, .flags = PLAN_REQUIRED, .types = "ExecRecipe"},
    {.name = "acceptable_codes", .kind = PLAN_INT_LIST},
    {.name = "skip_code_check", .kind = PLAN_BOOL},
    {.name = "timeout", .kind = PLAN_DURATION, .flags = PLAN_NONE_OK},
    {0},
};

static const struct plan_field request_fields[] = {
    SERVICE_FIELD("service_name"),
    {.name = "recipe", .kind = PLAN_TYPE, .flags = PLAN_REQUIRED, .types = HTTP_RECIPES},
    {.name = "acceptable_codes", .kind = PLAN_INT_LIST},
    {.name = "skip_code_check", .kind = PLAN_BOOL},
    {.name = "timeout", .kind = PLAN_DURATION, .flags = PLAN_NONE_OK},
    {0},
};

static const struct plan_field wait_fields[] = {
    SERVICE_FIELD("service_name"),
    {.name = "recipe", .kind = PLAN_TYPE, .flags = PLAN_REQUIRED, .types = RECIPES},
    {.name = "field", .kind = PLAN_STRING, .flags = PLAN_REQUIRED | PLAN_NONEMPTY},
    {.name = "assertion", .kind = PLAN_STRING, .flags = PLAN_REQUIRED | PLAN_NONEMPTY},
    {.name = "target_value", .kind = PLAN_ANY, .flags = PLAN_REQUIRED},
    {.name = "interval", .kind = PLAN_DURATION},
    {.name = "timeout", .kind = PLAN_DURATION},
    {0},
};

static const struct plan_field verify_fields[] = {
    {.name = "value", .kind = PLAN_STRING, .flags = PLAN_REQUIRED},
    {.name = "assertion", .kind = PLAN_STRING, .flags = PLAN_REQUIRED | PLAN_NONEMPTY},
    {.name = "target_value", .kind = PLAN_ANY, .flags = PLAN_REQUIRED},
    {0},
};

static const struct plan_field print_fields[] = {
    {.name = "msg", .kind = PLAN_MESSAGE, .flags = PLAN_REQUIRED},
    {0},
};

static const struct plan_field name_fields[] = {
    SERVICE_FIELD("name"),
    {0},
};

static const struct plan_field set_service_fields[] = {
    SERVICE_FIELD("name"),
    {.name = "config", .kind = PLAN_TYPE, .flags = PLAN_REQUIRED, .types = "ServiceConfig"},
    {.name = "merged", .kind = PLAN_TYPE, .flags = PLAN_INTERNAL, .types = "ServiceConfig"},
    {0},
};

static const struct plan_field no_fields[] = {
    {0},
};

static const struct plan_field get_files_artifact_fields[] = {
    {.name = "name",
     .kind = PLAN_STRING,
     .flags = PLAN_REQUIRED | PLAN_NONEMPTY | PLAN_NAMES_ARTIFACT},
    {0},
};

#define ARTIFACT_FIELD                                                                    \
    {                                                                                     \
        .name = "name", .kind = PLAN_STRING, .flags = PLAN_NONEMPTY | PLAN_MAKES_ARTIFACT \
    }

static const struct plan_field render_templates_fields[] = {
    {.name = "config", .kind = PLAN_TEMPLATES, .flags = PLAN_REQUIRED | PLAN_NONEMPTY},
    ARTIFACT_FIELD,
    {0},
};

static const struct plan_field upload_files_fields[] = {
    {.name = "src", .kind = PLAN_STRING, .flags = PLAN_REQUIRED | PLAN_NONEMPTY},
    ARTIFACT_FIELD,
    {.name = "resolved", .kind = PLAN_INT, .flags = PLAN_INTERNAL},
    {0},
};

static const struct plan_field store_service_files_fields[] = {
    SERVICE_FIELD("service_name"),
    {.name = "src", .kind = PLAN_STRING, .flags = PLAN_REQUIRED | PLAN_NONEMPTY},
    ARTIFACT_FIELD,
    {.name = "depends_on", .kind = PLAN_STRING},
    {0},
};

#define TASK_IMAGE_FIELD                                                              \
    {                                                                                 \
        .name = "image", .kind = PLAN_TYPE, .flags = PLAN_OR_STRING, .types = IMAGES, \
        .article = "a string, an ImageSpec, an ImageBuildSpec or a NixBuildSpec"      \
    }
#define TASK_STORE_FIELD                                                                        \
    {                                                                                           \
        .name = "store", .kind = PLAN_TYPE_LIST, .flags = PLAN_OR_STRING, .types = "StoreSpec", \
        .article = "a string or a StoreSpec"                                                    \
    }

static const struct plan_field run_sh_fields[] = {
    {.name = "name", .kind = PLAN_STRING, .flags = PLAN_NONEMPTY},
    {.name = "run", .kind = PLAN_STRING, .flags = PLAN_REQUIRED | PLAN_NONEMPTY},
    TASK_IMAGE_FIELD,
    {.name = "files", .kind = PLAN_STRING_DICT},
    TASK_STORE_FIELD,
    {.name = "env_vars", .kind = PLAN_STRING_DICT},
    {.name = "wait", .kind = PLAN_DURATION, .flags = PLAN_NONE_OK},
    {.name = "acceptable_codes", .kind = PLAN_INT_LIST},
    {.name = "skip_code_check", .kind = PLAN_BOOL},
    {.name = "node_selectors", .kind = PLAN_STRING_DICT},
    {.name = "tolerations", .kind = PLAN_TYPE_LIST, .types = "Toleration"},
    {.name = "privileged", .kind = PLAN_BOOL},
    {.name = "host_pid_namespace", .kind = PLAN_BOOL},
    {.name = "bind_mounts", .kind = PLAN_STRING_DICT},
    {0},
};

static const struct plan_field run_python_fields[] = {
    {.name = "name", .kind = PLAN_STRING, .flags = PLAN_NONEMPTY},
    {.name = "run", .kind = PLAN_STRING, .flags = PLAN_REQUIRED | PLAN_NONEMPTY},
    {.name = "args", .kind = PLAN_STRING_LIST},
    {.name = "packages", .kind = PLAN_STRING_LIST},
    TASK_IMAGE_FIELD,
    {.name = "files", .kind = PLAN_STRING_DICT},
    TASK_STORE_FIELD,
    {.name = "wait", .kind = PLAN_DURATION, .flags = PLAN_NONE_OK},
    {.name = "acceptable_codes", .kind = PLAN_INT_LIST},
    {.name = "skip_code_check", .kind = PLAN_BOOL},
    {.name = "node_selectors", .kind = PLAN_STRING_DICT},
    {.name = "tolerations", .kind = PLAN_TYPE_LIST, .types = "Toleration"},
    {.name = "env_vars", .kind = PLAN_STRING_DICT},
    {0},
};

static const struct plan_instruction_spec instructions[] = {
    {
        .name = "add_service",
        .fields = add_service_fields,
        .returns = PLAN_RETURNS_SERVICE,
        .rules = PLAN_MAKES_SERVICE,
        .describe = ENGINE(plan_describe_add_service),
        .validate = ENGINE(plan_validate_add_service),
        .execute = ENGINE(plan_execute_add_service),
    },
    {
        .name = "add_services",
        .fields = add_services_fields,
        .returns = PLAN_RETURNS_SERVICES,
        .rules = PLAN_MAKES_SERVICE,
        .describe = ENGINE(plan_describe_add_services),
        .validate = ENGINE(plan_validate_add_service),
        .execute = ENGINE(plan_execute_add_services),
    },
    {
        .name = "exec",
        .fields = exec_fields,
        .returns = PLAN_RETURNS_RECIPE_RESULT,
        .rules = PLAN_TOUCHES_SERVICE | PLAN_MAKES_VALUES,
        .description = "Executing command on service '{service_name}'",
        .validate = ENGINE(plan_validate_recipe),
        .execute = ENGINE(plan_execute_exec),
    },
    {
        .name = "get_cluster_type",
        .fields = no_fields,
        .returns = PLAN_RETURNS_CLUSTER_TYPE,
        .rules = PLAN_PASSIVE,
        .description = "Fetching cluster type",
        .execute = ENGINE(plan_execute_get_cluster_type),
    },
    {
        .name = "get_files_artifact",
        .fields = get_files_artifact_fields,
        .returns = PLAN_RETURNS_NAME,
        .rules = PLAN_PASSIVE,
        .description = "Fetching files artifact '{name}'",
        .validate = ENGINE(plan_validate_get_files_artifact),
        .execute = ENGINE(plan_execute_get_files_artifact),
    },
    {
        .name = "get_service",
        .fields = name_fields,
        .returns = PLAN_RETURNS_FOUND_SERVICE,
        .rules = PLAN_PASSIVE,
        .description = "Fetching service '{name}'",
        .validate = ENGINE(plan_validate_service_exists),
        .execute = ENGINE(plan_execute_get_service),
    },
    {
        .name = "get_services",
        .fields = no_fields,
        .returns = PLAN_RETURNS_ALL_SERVICES,
        .rules = PLAN_PASSIVE,
        .description = "Fetching services",
        .execute = ENGINE(plan_execute_get_services),
    },
    {
        .name = "print",
        .fields = print_fields,
        .returns = PLAN_RETURNS_NONE,
        .description = "Printing a message",
        .execute = ENGINE(plan_execute_print),
    },
    {
        .name = "remove_service",
        .fields = name_fields,
        .returns = PLAN_RETURNS_NONE,
        .rules = PLAN_ENDS_SERVICE,
        .description = "Removing service '{name}'",
        .validate = ENGINE(plan_validate_remove_service),
        .execute = ENGINE(plan_execute_remove_service),
    },
    {
        .name = "render_templates",
        .fields = render_templates_fields,
        .returns = PLAN_RETURNS_NAME,
        .description = "Rendering a template to a files artifact with name '{name}'",
        .validate = ENGINE(plan_validate_render_templates),
        .execute = ENGINE(plan_execute_render_templates),
    },
    {
        .name = "request",
        .fields = request_fields,
        .returns = PLAN_RETURNS_RECIPE_RESULT,
        .rules = PLAN_TOUCHES_SERVICE | PLAN_MAKES_VALUES,
        .describe = ENGINE(plan_describe_request),
        .validate = ENGINE(plan_validate_recipe),
        .execute = ENGINE(plan_execute_request),
    },
    {
        .name = "run_python",
        .fields = run_python_fields,
        .returns = PLAN_RETURNS_TASK,
        .rules = PLAN_MAKES_VALUES | PLAN_TASK,
        .description = "Running Python script",
        .validate = ENGINE(plan_validate_task),
        .execute = ENGINE(plan_execute_run_python),
    },
    {
        .name = "run_sh",
        .fields = run_sh_fields,
        .returns = PLAN_RETURNS_TASK,
        .rules = PLAN_MAKES_VALUES | PLAN_TASK,
        .describe = ENGINE(plan_describe_run_sh),
        .validate = ENGINE(plan_validate_task),
        .execute = ENGINE(plan_execute_run_sh),
    },
    {
        .name = "set_service",
        .fields = set_service_fields,
        .returns = PLAN_RETURNS_NONE,
        .rules = PLAN_SETS_CONFIG | PLAN_TOUCHES_SERVICE,
        .description = "Setting config of service '{name}'",
        .validate = ENGINE(plan_validate_set_service),
        .execute = ENGINE(plan_execute_set_service),
    },
    {
        .name = "start_service",
        .fields = name_fields,
        .returns = PLAN_RETURNS_NONE,
        .rules = PLAN_TOUCHES_SERVICE | PLAN_STARTS_SERVICE,
        .description = "Starting service '{name}'",
        .validate = ENGINE(plan_validate_service_exists),
        .execute = ENGINE(plan_execute_start_service),
    },
    {
        .name = "stop_service",
        .fields = name_fields,
        .returns = PLAN_RETURNS_NONE,
        .rules = PLAN_TOUCHES_SERVICE | PLAN_STOPS_SERVICE,
        .description = "Stopping service '{name}'",
        .validate = ENGINE(plan_validate_service_exists),
        .execute = ENGINE(plan_execute_stop_service),
    },
    {
        .name = "store_service_files",
        .fields = store_service_files_fields,
        .returns = PLAN_RETURNS_NAME,
        .description =
            "Storing files from service '{service_name}' at path '{src}' to files artifact with "
            "name '{name}'",
        .validate = ENGINE(plan_validate_store_service_files),
        .execute = ENGINE(plan_execute_store_service_files),
    },
    {
        .name = "upload_files",
        .fields = upload_files_fields,
        .returns = PLAN_RETURNS_NAME,
        .rules = PLAN_RESOLVES_SOURCE,
        .description = "Uploading file '{src}' to files artifact '{name}'",
        .validate = ENGINE(plan_validate_artifact_is_new),
        .execute = ENGINE(plan_execute_upload_files),
    },
    {
        .name = "verify",
        .fields = verify_fields,
        .returns = PLAN_RETURNS_NONE,
        .rules = PLAN_BARRIER,
        .description = "Verifying whether two values meet a certain condition '{assertion}'",
        .execute = ENGINE(plan_execute_verify),
    },
    {
        .name = "wait",
        .fields = wait_fields,
        .returns = PLAN_RETURNS_RECIPE_RESULT,
        .rules = PLAN_BARRIER | PLAN_TOUCHES_SERVICE | PLAN_MAKES_VALUES,
        .describe = ENGINE(plan_describe_wait),
        .validate = ENGINE(plan_validate_recipe),
        .execute = ENGINE(plan_execute_wait),
    },
};

const struct plan_instruction_spec *plan_instruction_at(size_t i)
{
    return i < ARRAY_LENGTH(instructions) ? &instructions[i] : NULL;
}

const struct plan_instruction_spec *plan_instruction_find(const char *name)
{
    for (size_t i = 0; i < ARRAY_LENGTH(instructions); i++)
        if (strcmp(instructions[i].name, name) == 0)
            return &instructions[i];
    return NULL;
}
