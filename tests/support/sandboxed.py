# SPDX-License-Identifier: MIT
"""What tests/preload/company/sandboxed.c says of its socket, which has two descriptors and an epoll
entry. For tests of sandboxes that are made by itself, by a shell, or by systemd."""

# The bind failed, in the line before these, and all is as it was.
KEPT = ['in_own(fd): 1', 'in_own(second): 1', 'epoll_ctl(set, EPOLL_CTL_MOD, fd, &event): 0',
        'bind_port(second, 4070): 0']
# It was redirected.
MOVED = ['bind_port(fd, 3070): 0', 'in_own(fd): 0', 'in_own(second): 0',
         'epoll_ctl(set, EPOLL_CTL_MOD, fd, &event): 0', 'bind_port(second, 4070): EINVAL']
