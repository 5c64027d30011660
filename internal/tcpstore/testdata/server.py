# A store of PyTorch's, whose port is printed. Each line of the input is a key, whose value is printed in hex; at its end the store ends.
import sys
from torch.distributed import TCPStore

store = TCPStore("127.0.0.1", 0, None, True, wait_for_workers=False, use_libuv=sys.argv[1] == "uv")
print(store.port, flush=True)
for line in sys.stdin:
    print(store.get(line.strip()).hex(), flush=True)
