#!/usr/bin/env python3
"""Holds the memory model's graph of a run against the engine's own, as a listing has it.

    graph_diff.py PRINT_GRAPH LISTING MODEL.gguf [--off] [--all] [--context N]

LISTING has two parts, "## flash attention on" and "off"; a layer that repeats is listed once, with the numbers of the
layers like it. Both graphs are brought into one form: views are followed to what they show, and an addition or a
product with a weight that takes its source's place is one with it. Prints the first lines that differ; exit status 1."""
import argparse
import math
import re
import subprocess
import sys

LINE = re.compile(r"^(\d+) (\S+) (?:([a-z][a-z0-9_]*))?\[([0-9,]*)\]( view)?( out)?(?: <-(?: (.*))?)?$")
IN_PLACE = {"add", "mul", "sub", "div", "sqr", "sqrt", "exp", "neg", "relu", "gelu", "silu", "sigmoid", "tanh", "softplus",
            "rms_norm", "soft_max", "rope", "rope_back", "scale", "clamp", "fill", "xielu", "log"}
# What differs in name alone.
ACTIVATIONS = {"gelu", "silu", "relu", "sqr", "sigmoid", "tanh", "softplus", "xielu"}
GLU = {"swiglu", "geglu", "reglu", "swiglu_oai", "swiglu_clamp"}


class Node:
    def __init__(self, line):
        number, self.op, self.element, extent, view, out, sources = LINE.match(line).groups()
        self.number = int(number)
        self.text = line
        self.extent = tuple(int(n) for n in extent.split(",") if n)
        self.view = bool(view)
        self.out = bool(out)
        self.sources = split_sources(sources or "")


def split_sources(text):
    """Numbers of nodes, or the names of leaves."""
    found = []
    for part in re.findall(r"[^,\[]+(?:\[[^\]]*\])?", text):
        part = part.strip(" ,")
        if part:
            found.append(int(part) if part.isdigit() else part)
    return found


def layer_numbers(text):
    numbers = []
    for part in re.findall(r"\d+(?:-\d+)?", re.sub(r"\(.*?\)", "", text)):
        first, _, last = part.partition("-")
        numbers += range(int(first), int(last or first) + 1)
    return numbers


def read_listing(path, flash):
    """Blocks of (layer numbers or None, lines)."""
    blocks, inside = [], False
    for line in open(path):
        line = line.rstrip("\n")
        if line.startswith("## "):
            inside = line.endswith(" on" if flash else " off")
        elif inside and line.startswith("# "):
            end = re.match(r"# layer (\d+) and the end", line)
            named = re.match(r"# layers? (.*)", line)
            blocks.append((layer_numbers(end.group(1) if end else named.group(1)) if named else None, []))
        elif inside and LINE.match(line):
            if not blocks:
                blocks.append((None, []))
            blocks[-1][1].append(Node(line))
    return blocks


def canonical(nodes):
    """(text, line) of every node that takes a place, numbered anew."""
    by_number = {node.number: node for node in nodes}
    readers = {}
    for node in nodes:
        for source in node.sources:
            if source != node.number:  # a cast names itself as where it goes
                readers.setdefault(source, []).append(node)
    stands_for, result = {}, []

    def source_name(source):
        if isinstance(source, int):
            return stands_for.get(source, "before")
        if ":in" in source:
            return "in"
        return "const" if source.startswith("leaf_") else None

    def of_weight(source):
        return isinstance(source, str) and ":in" not in source and not source.startswith("leaf_")

    for node in nodes:
        computed = [s for s in node.sources if isinstance(s, int)]
        if node.view:
            roots = [source_name(s) for s in computed]
            stands_for[node.number] = roots[0] if roots else "cache"
            if node.op in ("cpy", "set_rows", "scale"):
                reads = [name for name in map(source_name, node.sources) if name not in (None, "cache", "empty")]
                if reads and node.op != "scale":
                    result.append((f"store <- {', '.join(map(str, reads))}", node.text))
                stands_for[node.number] = "cache"
            continue
        if 0 in node.extent:
            stands_for[node.number] = "empty"
            continue
        first = by_number.get(computed[0]) if computed else None
        weights = [s for s in node.sources if of_weight(s) or isinstance(s, int) and stands_for.get(s) == "cache"]
        computed = [s for s in computed if s not in weights and s != node.number]
        # A view of the whole, read by nothing else, is what it shows.
        while first is not None and first.view and first.op in ("view", "reshape") and len(readers[first.number]) == 1:
            shown = by_number.get(first.sources[0])
            if shown is None or math.prod(shown.extent) != math.prod(first.extent):
                break
            first = shown
        follows = node.op in ACTIVATIONS and first is not None and first.op in ACTIVATIONS
        if ((node.op in ("add", "mul", "scale", "clamp") or follows) and first is not None
                and (weights or node.op in ("scale", "clamp") or follows)
                and len(computed) == 1 and len(node.sources) == 1 + len(weights) and not first.view
                and not first.out and len(readers[first.number]) == 1 and math.prod(first.extent) == math.prod(node.extent)):
            stands_for[node.number] = stands_for[first.number]
            if node.out:
                text, line = result[stands_for[node.number]]
                result[stands_for[node.number]] = (text.replace(" <-", " out <-"), line)
            continue
        alone = node.op == "soft_max" and len(node.sources) == 1
        op = "activation" if node.op in ACTIVATIONS or alone else "glu" if node.op in GLU else node.op
        op = "scale" if op == "mul" and weights and len(computed) == 1 else op
        names = [str(n) for n in map(source_name, (s for s in node.sources if s != node.number)) if n is not None and n != "cache" and n != "empty"]
        stands_for[node.number] = len(result)
        extent = list(node.extent)
        if op == "mul_mat" and "in" in map(source_name, node.sources):
            extent = [extent[0], math.prod(extent[1:])]  # a rotation: of heads, or of rows of them
        while len(extent) > 1 and extent[-1] == 1:
            extent.pop()
        text = f"{op} {node.element or ''}{extent}{' out' if node.out else ''} <- {', '.join(names)}"
        result.append((text, node.text))
    return result


def expand(blocks):
    """The listing's layers in their order, each as often as it runs, numbered as one graph."""
    layers = {}
    for numbers, lines in blocks:
        for number in numbers or []:
            layers.setdefault(number, lines)
    last = max(layers)
    complete = [layers.get(i) for i in range(last + 1)]
    # A list that was cut short goes on as it began.
    if None in complete:
        known = next(i for i, lines in enumerate(complete) if lines is None)
        for i in range(last + 1):
            if complete[i] is None:
                period = next(p for p in range(1, known) if all(
                    complete[k] is complete[k - p] for k in range(known - 1, max(p + 3, known - 2 * p), -1)))
                complete[i] = complete[i - period]
    parts = [lines for numbers, lines in blocks if numbers is None] + complete
    before = sum(len(lines) for numbers, lines in blocks if numbers is None)
    # What two listed layers read is one node for all of them.
    readers = {}
    for _, lines in blocks:
        for source in {s for line in lines for s in line.sources if isinstance(s, int) and s < lines[0].number}:
            readers[source] = readers.get(source, 0) + 1
    nodes, starts = [], [0]
    for lines in parts:
        first, begin = lines[0].number, len(nodes)
        # What a layer is made of: the first node from outside of it that it reads.
        entry = next((s for s in lines[0].sources if isinstance(s, int) and s < first), None)

        def moved(source):
            """Where a source is of a layer that is listed at `first` and begins at `begin`."""
            if not isinstance(source, int) or first == begin:
                return source
            away = source + begin - first
            if source >= first or source == entry:
                return away
            if source < before or readers[source] > 1:
                return source
            # As far from this layer's start, or from the start of the layer before; a view of an input is made once.
            if alike(nodes[away], nodes[source]):
                return away
            beside = starts[-1] + source - max(number for number in starts if number <= source)
            if beside < begin and alike(nodes[beside], nodes[source]):
                return beside
            return away if any(isinstance(s, int) for s in nodes[source].sources) else source

        for line in lines:
            copy = Node(line.text)
            copy.number += begin - first
            copy.sources = [moved(source) for source in copy.sources]
            nodes.append(copy)
        starts.append(begin)
    return nodes


def alike(a, b):
    """Whether two nodes may be the same one of two layers."""
    def leaves(node):
        return [re.sub(r"_l\d+", "", source) for source in node.sources if isinstance(source, str)]
    return (a.op, a.element, a.extent, leaves(a)) == (b.op, b.element, b.extent, leaves(b))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("print_graph")
    parser.add_argument("listing")
    parser.add_argument("model")
    parser.add_argument("--off", action="store_true", help="without flash attention")
    parser.add_argument("--lines", type=int, default=12, help="lines shown around the first difference")
    options = parser.parse_args()
    theirs_nodes = expand(read_listing(options.listing, not options.off))
    settings = ["context=8192"] + (["flash=off"] if options.off else [])
    printed = subprocess.run([options.print_graph, options.model, *settings], stdout=subprocess.PIPE, check=True, text=True)
    ours_nodes = [Node(line) for line in printed.stdout.splitlines() if LINE.match(line)]
    theirs, ours = canonical(theirs_nodes), canonical(ours_nodes)
    for i, (a, b) in enumerate(zip(theirs, ours)):
        if a[0] != b[0]:
            begin = max(0, i - options.lines)
            print(f"{options.listing}: differs at step {i} of {len(theirs)} (ours {len(ours)})")
            for k in range(begin, min(len(theirs), len(ours), i + options.lines)):
                mark = " " if theirs[k][0] == ours[k][0] else "!"
                print(f"{mark} {k} {theirs[k][0]:60} | {theirs[k][1]}\n{mark}      {ours[k][0]:60} | {ours[k][1]}")
            return 1
    if len(theirs) != len(ours):
        print(f"{options.listing}: {len(theirs)} steps, ours {len(ours)}")
        return 1
    print(f"{options.listing}: the same, {len(ours)} steps")
    return 0


if __name__ == "__main__":
    sys.exit(main())
