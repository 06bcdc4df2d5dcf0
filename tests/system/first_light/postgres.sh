#!/bin/bash
# The first script of the Kurtosis documentation, byte for byte, on a real PostgreSQL.
. "$KFS_TOP/tests/system/lib/test.sh"
image_load postgres
kfsd_start

cat >postgres.star <<'END'
def run(plan, args):
    postgres = plan.add_service(
        service_name = "postgres",
        config = ServiceConfig(
            image = "postgres:15.2-alpine",
            ports = {
                "postgresql": PortSpec(5432, application_protocol = "postgresql"),
            },
            env_vars = {
                "POSTGRES_PASSWORD": "password",
            },
        ),
    )
END
E=$K/enclaves/pg
within 100 mkdir "$E"
cp postgres.star "$E/plan/"
equal "$(cat "$E/wait")" RUNNING
cmp postgres.star "$E/plan/postgres.star"
equal "$(cat "$E/runs/last/status")" SUCCEEDED
cmp postgres.star "$E/runs/last/script"

S=$E/services/postgres
equal "$(head -n1 "$S/status" | cut -d' ' -f1)" RUNNING
address=$(cat "$S/port/postgresql")
has "$(cat "$S/ports")" "postgresql: 5432/tcp -> postgresql://$address"
equal "$(PGPASSWORD=password psql -h "${address%:*}" -p "${address#*:}" -U postgres -tAc 'select 1')" 1
grep -q 'database system is ready to accept connections' "$S/logs"
equal "$(cat "$S/image")" postgres:15.2-alpine
finish
