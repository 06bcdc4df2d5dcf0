# images.sh - the images of the tests, made offline from Debian's packages; sourced.
#
#     image_load nginx        loads nginx:latest into the bed's dockerd
#
# images/NAME.sh describes one: TAGS, CHANGES (Dockerfile instructions) and a function rootfs ROOT.
# What is made is kept as a tar in $KFS_IMAGES (build/images), so only the first run pays.

images_here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
: "${KFS_IMAGES:=$images_here/../../../build/images}"

image_load() {
    local name=$1 status=0 lock
    docker image inspect "$(image_tag "$name")" >/dev/null 2>&1 && return 0
    mkdir -p "$KFS_IMAGES"
    exec {lock}>"$KFS_IMAGES/$name.lock"
    flock $lock # another bed may be making it
    if image_is_kept "$name"; then
        exec {lock}>&-
        docker image load --quiet --input "$KFS_IMAGES/$name.tar" >/dev/null
    else
        image_make "$name" || status=1
        exec {lock}>&-
    fi
    return $status
}

image_is_kept() {
    [ -e "$KFS_IMAGES/$1.tar" ] && [ ! "$images_here/images/$1.sh" -nt "$KFS_IMAGES/$1.tar" ]
}

image_tag() {
    (. "$images_here/images/$1.sh" && echo "${TAGS%% *}")
}

# In a subshell: what an image's description defines stays in it.
image_make() (
    set -e
    . "$images_here/rootfs.sh"
    . "$images_here/images/$1.sh"
    root=$(mktemp -d)
    trap 'rm -rf "$root"' EXIT
    rootfs_base "$root"
    rootfs "$root"
    changes=()
    for change in "${CHANGES[@]}" "ENV PATH=/usr/sbin:/usr/bin:/sbin:/bin"; do
        changes+=(--change "$change")
    done
    id=$(tar -C "$root" --sort=name -c . | docker image import "${changes[@]}" -)
    for tag in $TAGS; do docker image tag "$id" "$tag"; done
    docker image save --output "$KFS_IMAGES/$1.new" $TAGS
    mv "$KFS_IMAGES/$1.new" "$KFS_IMAGES/$1.tar"
)
