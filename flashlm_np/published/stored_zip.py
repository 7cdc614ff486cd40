"""A zip archive whose members are not compressed, read without trust.

A zip file says at its end where its members are and how large. A hostile one lies: a kilobyte
that unpacks to a terabyte, a thousand members that are all the same bytes. Here what is stored
must be what is read, and all members together no larger than the file; so reading them needs
no more memory than the file has bytes, whatever its headers claim. Python's zipfile checks the
CRC-32 of what it reads, and refuses what is encrypted.

Source: PKWARE's APPNOTE.TXT; Fifield 2019, "A better zip bomb".
"""

from __future__ import annotations

import os
from typing import BinaryIO
from zipfile import ZIP_STORED, ZipFile, ZipInfo

from .unpickle import shown


class StoredZip:
    """The members of an archive, by name without the folder that they are all in.

    Raises: ValueError and what zipfile raises, for an archive that is damaged, or compressed.
    """

    def __init__(self, file: BinaryIO):
        self._archive = ZipFile(file)
        self._members: dict[str, ZipInfo] = {}
        for member in self._archive.infolist():
            name = member.filename.partition("/")[2] or member.filename
            if name in self._members:
                raise ValueError(f"it has two members {shown(name)}")
            if (member.compress_type, member.compress_size) != (ZIP_STORED, member.file_size):
                raise ValueError(f"its member {shown(name)} is compressed")
            self._members[name] = member
        size = os.fstat(file.fileno()).st_size
        if sum(member.file_size for member in self._members.values()) > size:
            raise ValueError("its members together are larger than the file")

    def __contains__(self, name: str) -> bool:
        return name in self._members

    def read(self, name: str, limit: int | None = None) -> bytes:
        """The bytes of a member, if it has no more than `limit`."""
        if name not in self._members:
            raise ValueError(f"it has no member {shown(name)}")
        member = self._members[name]
        if limit is not None and member.file_size > limit:
            raise ValueError(f"{name} has {member.file_size:,} bytes, more than {limit:,}")
        return self._archive.read(member)
