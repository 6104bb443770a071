#!/usr/bin/env python3
"""Draws the bias gap against what is kept (RS) of every edit of every cell of a merged archive with xarray: open_xarray.py ARCHIVE.h5 FIGURE.svg"""
import sys

import matplotlib
import xarray

matplotlib.use("Agg")
import matplotlib.pyplot as plt

archive, figure = sys.argv[1:3]
table = xarray.open_dataset(archive, group="results", engine="h5netcdf").load()
text = {key: table[key].astype(str) for key in ("cell", "suite", "category", "subset", "metric")}
text["edit"] = table["edit"].astype(str) if "edit" in table else xarray.full_like(text["cell"], "stamp")  # files of former versions
edited = dict.fromkeys(zip(*(text[key].where(text["subset"] == "edited", drop=True).values for key in ("cell", "edit", "suite"))))
several = len({edit for _, edit, _ in edited}) > 1

panel = plt.subplots(figsize=(7, 4.5))[1]
for cell, edit, suite in edited:
    rows = (text["cell"] == cell) & (text["edit"] == edit) & (text["category"] == "all")
    gap = {subset: table.where(rows & (text["suite"] == suite) & (text["metric"] == "gap") & (text["subset"] == subset), drop=True)
           for subset in ("edited", "held_out")}
    rs = table["after"].where(rows & (text["metric"] == "rs.top1"), drop=True)
    if rs.size == 0:
        continue
    left = {subset: float(part["after"][0] / part["before"][0]) for subset, part in gap.items()}
    line = panel.plot([float(rs[0])] * 2, [left["edited"], left["held_out"]], ":")[0]
    panel.plot(float(rs[0]), left["edited"], "o", color=line.get_color(), label=f"{cell}, {edit}" if several else cell)
    panel.plot(float(rs[0]), left["held_out"], "o", color=line.get_color(), fillstyle="none")
panel.set_xlabel("RS: most probable tokens kept, percent (ideal 100)")
panel.set_ylabel("share of the gap that is left (ideal 0)")
panel.set_ylim(0, 1.1)
panel.axvline(95, color="black", linewidth=0.8, linestyle="--")
panel.legend(title="edited (full), held out (hollow)", fontsize="small")
plt.tight_layout()
plt.savefig(figure)
