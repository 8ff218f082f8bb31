#!/usr/bin/env bash
# Install what tests/cluster runs: Slurm, munge and MariaDB from Debian's packages. For machines
# that exist for tests; no test calls this, and no service is started.
set -euo pipefail
packages=(slurmctld slurmd slurm-client slurmdbd munge mariadb-server)
command -v apt-get >/dev/null || { echo "no apt-get here: the tests of tests/cluster will be skipped" >&2; exit 0; }
[ "$(id -u)" = 0 ] || { echo "not root: the tests of tests/cluster will be skipped" >&2; exit 0; }
missing=()
for package in "${packages[@]}"; do
  [ "$(dpkg-query -W -f='${Status}' "$package" 2>/dev/null)" = "install ok installed" ] || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0
export DEBIAN_FRONTEND=noninteractive
# This script keeps the packages from starting services; where one is there already, it decides.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod 755 "$policy"
  trap 'rm -f "$policy"' EXIT
fi
# Without these packages the tests are skipped, and say so.
if ! { apt-get update -qq && apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null; }; then
  echo "apt-get could not install ${missing[*]}: the tests of tests/cluster will be skipped" >&2
fi
