"""A character map as SentencePiece compiles it: the size of a Darts-clone trie, its units, then texts that NUL ends."""
import struct


def charsmap(mapping):
    units, used, text = [0] * 512, bytearray(512), b""
    root = {}
    for key, value in sorted(mapping.items()):
        node = root
        for byte in key.encode():
            node = node.setdefault(byte, {})
        node[-1], text = len(text), text + value.encode() + b"\0"

    def place(node, at, label):
        leaf = -1 in node
        labels = [byte for byte in node if byte != -1]
        base = 1
        while used[base] or any(used[base ^ taken] for taken in labels):
            base += 1
            if base | 255 >= len(units):
                units.extend([0] * 256)
                used.extend(bytes(256))
        for taken in labels + [0] * leaf:
            used[base ^ taken] = 1
        assert at ^ base < 1 << 21
        units[at] = label | leaf << 8 | (at ^ base) << 10
        if leaf:
            units[base] = 1 << 31 | node[-1]
        for byte in labels:
            place(node[byte], base ^ byte, byte)

    used[0] = 1
    place(root, 0, 0)
    trie = struct.pack(f"<{len(units)}I", *units)
    return struct.pack("<I", len(trie)) + trie + text
