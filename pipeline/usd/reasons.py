# SPDX-License-Identifier: Apache-2.0
"""What USD says when it cannot read or write something, in one line for a person."""

from __future__ import annotations

import re

__all__ = ["reason"]

_ERROR = re.compile(r"Error in '[^']*' at line \d+ in file \S+ : '(.*?)'(?= Error in '|$)", re.DOTALL)


def reason(error: Exception) -> str:
    """The first of the errors that a `Tf.ErrorException` carries, without where in USD's source it was raised.

    A parser's error quotes the file. Where the file holds bytes that are no UTF-8, `str` of the exception
    raises UnicodeDecodeError (usd-core 26.11), so this says that instead.
    """
    try:
        text = " ".join(str(error).split())
    except UnicodeDecodeError:
        return "it holds bytes that are no text"
    found = _ERROR.search(text)
    return re.sub(r"pxrInternal\w*::", "", found.group(1).strip() if found else text)[:300]
