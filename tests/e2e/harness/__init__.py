# SPDX-License-Identifier: MIT
"""What the end-to-end tests are written with.

server     starts the real program, watches it, stops it, and says what was wrong with the run
client     HTTP/1 over a raw socket, byte by byte if need be
log        the error log as records, of which a test declares what it expects
processes  what the kernel says about processes
waiting    conditions that come true in a while, and things that happen at the same time
"""
