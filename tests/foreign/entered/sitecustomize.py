# SPDX-License-Identifier: MIT
"""Python imports this when it starts, here to begin in the namespace of a broker."""

import os

import xsocket

xsocket.push(os.environ['XSOCKET_PUSH'])
