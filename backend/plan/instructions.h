/* The engine's half of the instructions: what the rows of instruction_table.c point at. */
#ifndef KFS_PLAN_INSTRUCTIONS_H
#define KFS_PLAN_INSTRUCTIONS_H

#include "backend/plan/instruction.h"

#define DESCRIBES(name) void name(const struct plan_instruction *instruction, struct buf *out)
#define VALIDATES(name)                                                             \
    void name(const struct plan_instruction *instruction, struct plan_world *world, \
              struct buf *problems)
#define EXECUTES(name) int name(struct step *step, struct buf *result, struct error **err)

/* instruction_add_service.c */
DESCRIBES(plan_describe_add_service);
DESCRIBES(plan_describe_add_services);
VALIDATES(plan_validate_add_service);
EXECUTES(plan_execute_add_service);
EXECUTES(plan_execute_add_services);

/* instruction_recipe.c: exec, request, wait */
DESCRIBES(plan_describe_request);
DESCRIBES(plan_describe_wait);
VALIDATES(plan_validate_recipe);
EXECUTES(plan_execute_exec);
EXECUTES(plan_execute_request);
EXECUTES(plan_execute_wait);

/* instruction_say.c: print, verify */
EXECUTES(plan_execute_print);
EXECUTES(plan_execute_verify);

/* instruction_get.c: get_* */
VALIDATES(plan_validate_get_files_artifact);
EXECUTES(plan_execute_get_cluster_type);
EXECUTES(plan_execute_get_files_artifact);
EXECUTES(plan_execute_get_service);
EXECUTES(plan_execute_get_services);

/* instruction_service.c: remove, start, stop, set */
VALIDATES(plan_validate_service_exists);
VALIDATES(plan_validate_remove_service);
VALIDATES(plan_validate_set_service);
EXECUTES(plan_execute_remove_service);
EXECUTES(plan_execute_start_service);
EXECUTES(plan_execute_stop_service);
EXECUTES(plan_execute_set_service);

/* instruction_files.c: render_templates, upload_files, store_service_files */
VALIDATES(plan_validate_artifact_is_new);
VALIDATES(plan_validate_render_templates);
VALIDATES(plan_validate_store_service_files);
EXECUTES(plan_execute_render_templates);
EXECUTES(plan_execute_store_service_files);
EXECUTES(plan_execute_upload_files);

/* instruction_task.c: run_sh, run_python */
DESCRIBES(plan_describe_run_sh);
VALIDATES(plan_validate_task);
EXECUTES(plan_execute_run_python);
EXECUTES(plan_execute_run_sh);

#endif
