"""Opens what the Go tests wrote with the real PyTorch: python check.py SCRIPTS FOLDER TESTDATA.

NAME.pt becomes NAME.json, the tree that torch.load(weights_only=True) gives, described as golden_pt.py does.
"""

import json
import pathlib
import struct
import sys
import zipfile

import torch

sys.dont_write_bytecode = True
scripts, folder, testdata = map(pathlib.Path, sys.argv[1:])
sys.path.insert(0, str(scripts))
import golden_pt  # noqa: E402


def check_zip(path):
    with zipfile.ZipFile(path) as z, open(path, "rb") as f:
        assert z.testzip() is None, path
        for info in z.infolist():
            assert info.compress_type == zipfile.ZIP_STORED
            f.seek(info.header_offset)
            header = f.read(30)
            name, extra = struct.unpack("<HH", header[26:])
            at = info.header_offset + 30 + name + extra
            assert at % 64 == 0, (path, info.filename, at)
            (crc,) = struct.unpack("<I", header[14:18])
            assert crc == info.CRC, (path, info.filename, "no CRC in the local header")
        assert z.namelist()[0] == "archive/data.pkl" and z.namelist()[-1] == "archive/version"


def check_adam():
    """Two more steps from our files and from PyTorch's own must give the same bits."""

    def go_on(where):
        net = golden_pt.small_net()
        net.load_state_dict(torch.load(where / "net.pt", weights_only=True), strict=True)
        optim = torch.optim.Adam(net.parameters(), lr=1.0)
        optim.load_state_dict(torch.load(where / "adam.pt", weights_only=True))
        assert optim.param_groups[0]["betas"] == (0.5, 0.999)
        for i in range(2):
            optim.zero_grad()
            net(torch.full((2, 1, 3, 3), 0.5 + i)).square().mean().backward()
            optim.step()
        return net.state_dict()

    ours, theirs = go_on(folder), go_on(testdata)
    assert all(torch.equal(ours[k], theirs[k]) for k in theirs)


def check_shared():
    tree = torch.load(folder / "shared.pt", weights_only=True)
    assert tree["a"].data_ptr() == tree["b"].data_ptr() == tree["c"].data_ptr() != tree["d"].data_ptr()
    tree["a"][0] = 5
    assert tree["b"][0] == 5


for path in sorted(folder.glob("*.pt")):
    check_zip(path)
    seen = golden_pt.describe(torch.load(path, weights_only=True))
    mapped = golden_pt.describe(torch.load(path, weights_only=True, mmap=True))
    assert mapped == seen, path
    path.with_suffix(".json").write_text(json.dumps(seen))
check_adam()
check_shared()
