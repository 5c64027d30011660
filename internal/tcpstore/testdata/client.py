# What PyTorch's client sees of a store: of PyTorch's two servers, and of one at the port given. A line of JSON.
import datetime, json, sys, threading
from torch.distributed import PrefixStore, TCPStore

def failure(f):
    try:
        f()
        return "none"
    except Exception as e:
        return type(e).__name__

def see(store):
    seen = {}
    store.set("text", "hello")
    seen["get"] = store.get("text").hex()
    store.set("bytes", bytes(range(256)))
    seen["bytes"] = store.get("bytes").hex()
    store.set("empty", "")
    seen["empty"] = store.get("empty").hex()
    seen["add"] = [store.add("n", 5), store.add("n", -7), store.add("n", 1 << 40)]
    seen["number"] = store.get("n").hex()
    seen["check"] = [store.check(["text", "n"]), store.check(["text", "nothing"]), store.check([])]
    seen["keys"] = store.num_keys()
    seen["compare"] = [
        store.compare_set("cas", "", "first").hex(),
        store.compare_set("cas", "wrong", "second").hex(),
        store.compare_set("cas", "first", "second").hex(),
        store.compare_set("absent", "expected", "new").hex(),
        store.check(["absent"]),
    ]
    seen["delete"] = [store.delete_key("text"), store.delete_key("text"), store.check(["text"])]
    store.append("log", "one,")
    store.append("log", "two")
    seen["append"] = store.get("log").hex()
    store.multi_set(["a", "b"], ["1", "22"])
    seen["multi"] = [v.hex() for v in store.multi_get(["a", "b", "a"])]
    seen["large"] = len(store.multi_get(["big"] * 2)[1]) if store.set("big", b"x" * (1 << 20)) is None else 0
    short = datetime.timedelta(milliseconds=50)
    seen["late"] = failure(lambda: store.wait(["never", "a"], short))
    seen["after"] = store.get("a").hex()
    other = store.clone()
    prefixed = PrefixStore("outer", PrefixStore("inner", other))
    waiting = threading.Thread(target=lambda: seen.update(waited=prefixed.get("key").hex()))
    waiting.start()
    store.set("inner/outer/key", "meant")
    waiting.join()
    seen["total"] = store.num_keys()
    return seen

seconds = datetime.timedelta(seconds=30)
port = int(sys.argv[1])

def join(is_master, host_port, libuv):
    """Two workers of which the one waits for the other, as init_process_group has them."""
    opened = TCPStore("127.0.0.1", host_port, 2, is_master, seconds, wait_for_workers=False, use_libuv=libuv)
    both = [threading.Thread(target=lambda: TCPStore("127.0.0.1", opened.port, 2, False, seconds, wait_for_workers=True, use_libuv=libuv)) for _ in "ab"]
    for t in both: t.start()
    for t in both: t.join()
    return opened

out = {"go": see(join(False, port, True)), "uv": see(join(True, 0, True)), "poll": see(join(True, 0, False))}
print(json.dumps(out))
