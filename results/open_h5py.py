#!/usr/bin/env python3
"""Draws SS of the unedited model and of every edit, for each cell of a merged archive, with h5py: open_h5py.py ARCHIVE.h5 FIGURE.svg"""
import sys

import h5py
import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

archive, figure = sys.argv[1:3]
with h5py.File(archive) as file:
    table = file["results"]
    text = {key: table[key].asstr()[:] for key in ("cell", "suite", "category", "subset", "metric")}
    text["edit"] = table["edit"].asstr()[:] if "edit" in table else ["stamp"] * len(text["cell"])  # files of former versions
    number = {key: table[key][:] for key in ("before", "before_low", "before_high", "after", "after_low", "after_high", "ideal")}

edited_suite = {cell: suite for cell, suite, subset in zip(text["cell"], text["suite"], text["subset"]) if subset == "edited"}
subsets = ("edited", "held_out")
several = len(set(text["edit"])) > 1
lines = len(set(zip(text["cell"], text["edit"])))
axes = plt.subplots(1, len(subsets), figsize=(9, 0.6 + 0.5 * lines), sharey=True, sharex=True)[1]
for panel, subset in zip(axes, subsets):
    names = []
    for row, cell in enumerate(text["cell"]):
        if (text["metric"][row], text["subset"][row], text["category"][row]) != ("ss.macro", subset, "all"):
            continue
        if text["suite"][row] != edited_suite.get(cell):
            continue
        for model, shift, color, mark in (("before", -0.12, "#0072b2", "o"), ("after", 0.12, "#d55e00", "s")):
            low, value, high = (number[model + end][row] for end in ("_low", "", "_high"))
            panel.plot([low, high], [len(names) + shift] * 2, color=color)
            panel.plot(value, len(names) + shift, mark, color=color, label=model if not names else None)
        panel.axvline(number["ideal"][row], color="black", linewidth=0.8)
        names.append(f"{cell}, {text['edit'][row]}" if several else cell)
    panel.set_yticks(range(len(names)), names)
    panel.set_title("SS, " + subset.replace("_", " "))
    panel.set_xlabel("percent, 95 % intervals; ideal 50")
axes[0].invert_yaxis()
axes[0].legend(loc="upper right", fontsize="small")
plt.tight_layout()
plt.savefig(figure)
