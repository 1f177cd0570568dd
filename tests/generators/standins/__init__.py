# SPDX-License-Identifier: Apache-2.0
"""One stand-in server per service contract, over real HTTP on the loopback."""
