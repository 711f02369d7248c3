# SPDX-License-Identifier: MIT
"""Programs as they are packaged under a library of this build."""

import re
import subprocess

# For builds with a sanitizer: leaks and races would be the programs' own.
SANITIZER = {
    'ASAN_OPTIONS': 'verify_asan_link_order=0:detect_leaks=0',
    'TSAN_OPTIONS': 'ignore_noninstrumented_modules=1',
}


def preload(library):
    """LD_PRELOAD. A sanitizer that the library needs comes first: programs have none."""
    needed = subprocess.run(['ldd', library], check=True, text=True, capture_output=True).stdout
    return ':'.join([*re.findall(r'/\S*/lib[at]san\.so\S*', needed), str(library)])
