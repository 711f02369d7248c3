# SPDX-License-Identifier: MIT
# shellcheck shell=sh
# Sourced by the tools beside it: how one of them says that this machine cannot do what it is for.
#
# A test is skipped then, with the reason: exit status 77, or a TAP plan of nothing where the test
# speaks TAP (XSOCKET_TAP=1). With XSOCKET_MUST_WORK=1 nothing may be skipped, and it fails.

unavailable() {
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	[ "${XSOCKET_MUST_WORK:-}" = 1 ] && exit 1
	[ "${XSOCKET_TAP:-}" = 1 ] || exit 77
	printf '1..0 # SKIP %s\n' "$*"
	exit 0
}
