# lib.sh - what quickstart and check share; sourced by bash. Sets top, the root of the sources.

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

die() {
    echo "$(basename "$0"): $*" >&2
    exit 1
}

# Runs the calling script again as root, if it is not.
become_root() {
    [ "$(id -u)" != 0 ] || return 0
    command -v sudo >/dev/null || die "needs root: there is no sudo here, so run it as root"
    exec sudo ${DOCKER_HOST:+DOCKER_HOST="$DOCKER_HOST"} "$top/tools/$(basename "$0")" "$@"
    die "needs root, and sudo refused"
}

# Runs a command as the owner of the sources, so that a build made with sudo stays theirs.
as_owner() {
    local uid gid
    uid=$(stat -c %u "$top")
    gid=$(stat -c %g "$top")
    if [ "$uid" = 0 ] || [ "$(id -u)" != 0 ]; then
        "$@"
    else
        setpriv --reuid="$uid" --regid="$gid" --clear-groups env HOME="$(getent passwd "$uid" | cut -d: -f6)" "$@"
    fi
}

# build DIRECTORY TARGET [CMAKE-OPTION...] - configures and builds.
build() {
    local dir=$1 target=$2
    shift 2
    as_owner mkdir -p "$dir" || return 1
    if command -v ccache >/dev/null; then set -- -DCMAKE_C_COMPILER_LAUNCHER=ccache "$@"; fi
    # What one directory has compiled serves another that is built with the same compiler and options.
    as_owner cmake -S "$top" -B "$dir" -G Ninja "$@" && as_owner env CCACHE_NOHASHDIR=1 ninja -C "$dir" "$target"
}

check_fuse() {
    [ -c /dev/fuse ] || modprobe fuse 2>/dev/null
    [ -c /dev/fuse ] || die "there is no /dev/fuse: this kernel or container does not offer FUSE"
}
