# postgres: Debian's postgresql-15 behind an entry point that takes the variables of the official
# image: POSTGRES_USER, POSTGRES_PASSWORD, POSTGRES_DB, POSTGRES_HOST_AUTH_METHOD, POSTGRES_INITDB_ARGS,
# and runs /docker-entrypoint-initdb.d.
TAGS="postgres:15.2-alpine postgres:alpine postgres:15 postgres:latest"
CHANGES=('ENTRYPOINT ["docker-entrypoint.sh"]' 'CMD ["postgres"]' 'EXPOSE 5432'
    'VOLUME /var/lib/postgresql/data' 'ENV PGDATA=/var/lib/postgresql/data' 'ENV LANG=C.UTF-8')

rootfs() {
    local root=$1
    rootfs_put_resolver "$root"
    rootfs_user "$root" postgres 70 /var/lib/postgresql
    rootfs_put "$root" /usr/bin/setpriv
    postgres_programs "$root"
    postgres_data "$root"
    postgres_entrypoint >"$root/usr/bin/docker-entrypoint.sh"
    chmod 755 "$root/usr/bin/docker-entrypoint.sh"
}

postgres_programs() {
    local root=$1 at=/usr/lib/postgresql/15 program library
    for program in postgres initdb pg_ctl psql pg_isready pg_dump createdb; do
        rootfs_put "$root" $at/bin/$program
        ln -s ../lib/postgresql/15/bin/$program "$root/usr/bin/$program"
    done
    for library in $at/lib/*.so; do
        case $library in *llvmjit*) ;; *) rootfs_put "$root" "$library" ;; esac
    done
}

postgres_data() {
    local root=$1
    mkdir -p "$root"/usr/share/postgresql "$root"/usr/lib/locale "$root"/usr/share/zoneinfo
    cp -a /usr/share/postgresql/15 "$root/usr/share/postgresql/"
    rm -rf "$root/usr/share/postgresql/15/man"
    cp -a /usr/lib/locale/C.utf8 "$root/usr/lib/locale/"
    cp -aL /usr/share/zoneinfo/UTC /usr/share/zoneinfo/Etc "$root/usr/share/zoneinfo/"
    mkdir -p "$root/docker-entrypoint-initdb.d"
    install -d -o 70 -g 70 "$root/var/lib/postgresql"
    install -d -o 70 -g 70 -m 700 "$root/var/lib/postgresql/data"
    install -d -o 70 -g 70 -m 2777 "$root/run/postgresql"
}

postgres_entrypoint() {
    cat <<'END'
#!/bin/sh
set -e

init() {
    user=${POSTGRES_USER:-postgres}
    database=${POSTGRES_DB:-$user}
    if [ -z "$POSTGRES_PASSWORD" ] && [ "$POSTGRES_HOST_AUTH_METHOD" != trust ]; then
        echo 'Error: Database is uninitialized and superuser password is not specified.' >&2
        exit 1
    fi
    set -- -U "$user" $POSTGRES_INITDB_ARGS
    if [ -n "$POSTGRES_PASSWORD" ]; then
        echo "$POSTGRES_PASSWORD" >/tmp/password
        set -- "$@" --pwfile=/tmp/password
    fi
    initdb "$@"
    rm -f /tmp/password
    echo "host all all all ${POSTGRES_HOST_AUTH_METHOD:-scram-sha-256}" >>"$PGDATA/pg_hba.conf"
    PGPASSWORD=$POSTGRES_PASSWORD
    export PGPASSWORD
    pg_ctl -D "$PGDATA" -o "-c listen_addresses='' -c unix_socket_directories=/run/postgresql" -w start
    [ "$database" = postgres ] || createdb -U "$user" -h /run/postgresql --maintenance-db=postgres "$database"
    run_scripts
    pg_ctl -D "$PGDATA" -m fast -w stop
    unset PGPASSWORD
    echo 'PostgreSQL init process complete; ready for start up.'
}

run_scripts() {
    for file in /docker-entrypoint-initdb.d/*; do
        case $file in
        *.sh) . "$file" ;;
        *.sql) psql -v ON_ERROR_STOP=1 -U "$user" -h /run/postgresql -d "$database" -f "$file" ;;
        esac
    done
}

case $1 in -*) set -- postgres "$@" ;; esac
[ "$1" = postgres ] || exec "$@"
if [ "$(id -u)" = 0 ]; then
    mkdir -p "$PGDATA"
    chown -R postgres:postgres "$PGDATA"
    chmod 700 "$PGDATA"
    # By its path: the shell's own applet of this name knows fewer options.
    exec /usr/bin/setpriv --reuid 70 --regid 70 --clear-groups "$0" "$@"
fi
[ -s "$PGDATA/PG_VERSION" ] || init
exec "$@" -c listen_addresses='*' -c unix_socket_directories=/run/postgresql
END
}
