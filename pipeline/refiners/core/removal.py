# SPDX-License-Identifier: Apache-2.0
"""Taking faces away, and saying so."""

from __future__ import annotations

from numpy.typing import NDArray

from pipeline.refiners.core.subject import Part, Subject

__all__ = ["remove_faces"]


def remove_faces(subject: Subject, part: Part, gone: NDArray) -> int:
    """Remove the faces in the mask `gone`, with the points nobody else uses.

    A part that would be left empty is deactivated. Returns how many faces went.
    """
    count = int(gone.sum())
    if count == 0:
        return 0
    if gone.all():
        subject.deactivate(part)
    else:
        why = subject.deformed(part)
        if why:
            subject.skip(part.path, why)
            return 0
        subject.write(part, part.mesh.with_faces(~gone))
    subject.count("faces_removed", count)
    return count
