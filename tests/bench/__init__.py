"""The project's measurements: how good and how fast the product is. `make bench` runs it; pytest does not collect it.

    python -m tests.bench                        everything: a few minutes on two cores
    python -m tests.bench --quick                three clips, small pictures: a look, not a verdict
    python -m tests.bench reenactment --clips d3,d18 --step 10
    python -m tests.bench neural --networks exported --paper run --training-python /a/venv/bin/python
    python -m tests.bench turns --people 001,018 --beside before/turns/turns.json
    python -m tests.bench neural --before ../checkout
    python -m tests.bench speed --sizes 2048
    python -m tests.bench long

__main__.py       the words above, out/bench/report.json
metrics.py        how far an output is from its target: PSNR, SSIM, L1, regions, AKD, flicker, yaw bins
clips.py          a video's face, cropped as the protocol says
product.py        everything asked of the product, in one place
reenactment.py    one clip judged: gioconda, the similarity-aligned source, the static source
quality.py        all clips: tables by clip and by yaw change, what must be shown
turns.py          front pictures driven to three-quarter ones of the same people, beside the still
splits.py         what a frame's face does: open jaw, shut eyes, a smile, a turn; means of such frames
fewshot.py        networks adapted to 1, 4 and 8 pictures: `python -m tests.bench.fewshot`
neural.py         all clips with and without networks: neural.json, neural.md
neural_clip.py    one clip judged: static source, geometry, fast, full, the paper's mode
neural_table.py   gains over geometry, bars, Markdown
neural_cost.py    milliseconds that corrections add, in a process of its own
paper_child.py    the paper's networks, in an interpreter with PyTorch
networks.py       exported networks in the place of the shipped ones
measured.py       the last figures into docs/measured.md
contact.py        portraits in hard poses, geometry beside neural, close up
sheets.py         contact sheets: target, output, eyes and mouth close up
portrait.py       the picture that timing uses, at any size
speed.py          tables of time and memory by size, against OpenCV's remap
speed_child.py    one size, measured in a process of its own
stages.py         where a frame's time goes
memory.py         the most memory a process has held
long_take.py      a motion as long as one likes
long_runs.py      the command line over many frames: are the cores busy, does memory grow
worker.py         the command line, watched from outside
report.py         tables, goals, JSON
"""
