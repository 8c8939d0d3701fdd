# shellcheck shell=sh
# shellcheck disable=SC2034 # used where it is sourced
# Sourced by the scripts of this folder: installing what is missing on Debian and Ubuntu.

build_packages="gcc make cmake pkg-config ocl-icd-opencl-dev opencl-headers libclblast-dev
zlib1g-dev libpng-dev libcjson-dev"

say()
{
    printf '== %s\n' "$*" >&2
}

# install_packages NAME…: installs those that are not there; asks apt for nothing when all are.
install_packages()
{
    missing=
    for package in "$@"; do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' ||
            missing="$missing $package"
    done
    [ -n "$missing" ] || return 0
    if ! command -v apt-get >/dev/null; then
        say "this machine has no apt-get; install the equivalents of:$missing"
        exit 1
    fi
    sudo=
    if [ "$(id -u)" != 0 ]; then
        sudo=sudo
        say "installing with sudo:$missing"
    else
        say "installing:$missing"
    fi
    $sudo apt-get update -q
    # shellcheck disable=SC2086 # a list of names
    DEBIAN_FRONTEND=noninteractive $sudo apt-get install -q -y --no-install-recommends $missing
}
