"""The generated code is what the compiler makes, and the messages are those of the specification."""

from __future__ import annotations

from pathlib import Path

import pytest
from google.protobuf.descriptor import FieldDescriptor, FileDescriptor
from spiffe._proto import workload_pb2 as published

from licet.identity.workload.proto import workload_pb2 as ours
from tools.generate_stubs import SOURCE, generate, protos


@pytest.mark.parametrize("proto", protos(), ids=lambda path: path.stem)
def test_what_is_committed_is_what_is_generated(tmp_path: Path, proto: Path) -> None:
    """`python tools/generate_stubs.py` puts it right."""
    for path in generate(proto, tmp_path):
        assert (tmp_path / path).read_text() == (SOURCE / path).read_text(), path


def fields(file: FileDescriptor) -> dict[str, list[tuple[int, str, int, bool]]]:
    """What tells on the wire, by message."""

    def kind(field: FieldDescriptor) -> tuple[int, str, int, bool]:
        return field.number, field.name, field.type, field.is_repeated

    return {
        name: [kind(field) for field in message.fields]
        for name, message in file.message_types_by_name.items()
        if "WIT" not in name
    }


def test_the_messages_are_those_of_the_published_stubs() -> None:
    assert fields(ours.DESCRIPTOR) == fields(published.DESCRIPTOR)
