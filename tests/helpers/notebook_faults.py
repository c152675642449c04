"""What turns each assert of the course red: a parameter or a function of the library that is broken on purpose.

FAULTS  {lesson: rows}. A row is (part of the assert, part of the first cell that runs with the fault, the fault); the
        cell "" is the assert's own. A fault is Python, run in the notebook's variables before that cell; it may use
        what `notebook_doubles` holds, and patch(thing, attribute, value), which is undone afterwards.
"""

DOUBLED = "measure_cost = broken(measure_cost, lambda cost: altered(cost, macs=2 * cost.macs))"
ONE_MORE = "measure_cost = broken(measure_cost, lambda cost: altered(cost, macs=cost.macs + 1))"
CONSTANT = "measure_cost = lambda *_: SimpleNamespace(macs=1, params=1, bytes_moved=1)"
COST = "measure_cost = broken(measure_cost, lambda cost: altered(cost, {}))"
SHORT = 'fit = broken(fit, lambda record: {**record, "history": record["history"][1:]})'
BETTER = 'compare = broken(compare, lambda found: [altered(found[0], verdict="a is better")])'
FOUND = "ours = find_schedule; find_schedule = lambda *a, **k: (None, {{**(found := ours(*a, **k)[1]), {}}})"
LATE = "ours = open_video; open_video = lambda path, reader: Reader(ours(path, reader), {}=reader == 'pyav')"
RECTIFIED = 'own = forward; patch(Block, "forward", lambda *a: own(*a).relu())'

# fmt: off
FAULTS = {
    "00_quickstart": [
        ("clip.shape ==", "own_protocol(", "ours = own_protocol; own_protocol = lambda frames, size: ours(7, size)"),
        ("apart < 1e-4", "nets, costs = ", "frame_model = model"),
        ('len(record["history"])', "", SHORT),
        ("difference.verdict ==", "", BETTER),
    ],
    "01_dataset_preparation": [
        ("len(manifest.videos) == videos", "", "videos += 1"),
        ("table.status ==", "",
         'manifests = {"motion": altered(it := manifests["motion"], videos=[altered(it.videos[0], status="cut")])}'),
        ("len(a) == len(b)", "", LATE.format("short")),
        ("different == 0", "", LATE.format("late")),
        ("means.max()", "", 'poses = poses.assign(radius=poses.radius * (1 + (poses.motion == "grow")))'),
        ("np.array_equal(decoded", "", "cache = LateCache(cache)"),
        ("broken ==", "", 'page.write_bytes((ucf / "videos" / names[0]).read_bytes())'),
        ("video.status for split", "", 'real = SimpleNamespace(split=lambda _: [SimpleNamespace(status="cut")])'),
    ],
    "02_light_nets": [
        ('macs["dense"] ==', "", DOUBLED),
        ("assert_close(mine(x), theirs(x))", "", RECTIFIED),
        ("difference < 1e-4", "", RECTIFIED),
        ('sees["two in a row"]', "who_sees_whom(first", "who_sees_whom = lambda net, c: torch.ones(c, c)"),
        ('sees["with a shuffle between"]', "who_sees_whom(first", "shuffle = lambda x, groups: x"),
        ("assert_close(mine(x), theirs(x))", "class Shuffled", "shuffle = lambda x, groups: x"),
        ("ours < ungrouped", "", CONSTANT),
        ("assert_close(y.relu()", "", 'patch(Fire, "forward", lambda _, x: x)'),
        ("max(slopes.values())", "", 'ladder = ladder[ladder.net != "shufflenetv2_3d"]'),
        ("measured.get(", "", 'read_table = broken(read_table, lambda rows: rows[rows.model != "3D-MobileNetV1"])'),
    ],
    "03_channel_separation": [
        ("dense > ip > ir", "", CONSTANT),
        ("assert_close((block", "", 'patch(Bottleneck, "forward", lambda _, x: x)'),
        ("sees.sum() ==", "", "ours = nn; nn = SimpleNamespace(Conv3d=lambda *a, groups, **k: ours.Conv3d(*a, **k))"),
        ('met["ipcsn_50"] ==', "", "interactions = lambda *_: 1"),
        ("list(walk.values()) ==", "walk = {", "groups = groups[::-1]"),
        ('"ir-CSN-50", "ir-CSN-152"', "", 'read_table = broken(read_table, lambda rows: rows.assign(crops="1"))'),
        ("len(pair) == 3", "", 'published = published.assign(top1=float("nan"))'),
    ],
    "04_factorised_and_inflated": [
        ("assert_close(formulas[name]", "", 'formulas = {**formulas, "TypeA": lambda x, n, s, t: 2 * n(t(s(x)))}'),
        ('units.loc["I3D"', "", "ours = pd; pd = SimpleNamespace(DataFrame=lambda rows: 2 * ours.DataFrame(rows))"),
        ("name: int(s.sum())", "seen = {}", 'formulas = {**formulas, "TypeB": formulas["TypeA"]}'),
        ('max(max(off[name]) for name in ("TypeA"', "",
         'formulas = {**formulas, "TypeB": lambda x, n, s, t: 2 * s(x)}'),
        ('max(off["I3D"][1:-1])', "", 'formulas = {**formulas, "I3D": lambda x, n, s: 2 * s(x)}'),
        ('shapes["temporal"][2] ==', "", "create_model = broken(create_model, lambda net: lagging(net, nn))"),
        ("assert_close(mean", "",
         'patch(type(create_model("dg_p3d_nano")), "forward", lambda net, x: net.heads(x)[0])'),
        ('whole.MMACs["c2d_nano"] <', "", CONSTANT),
    ],
    "05_learned_shift": [
        ("torch.equal(moved(1)", "def moved", "ours = shift3d; shift3d = lambda x, s: ours(x, -s)"),
        ("torch.allclose(inside", "", "ours = moved; moved = lambda t: ours(2 * t)"),
        ("torch.equal(frame_shift", "", "frame_shift = broken(frame_shift, lambda y: y.roll(1, 1))"),
        ("assert_close(slope, by_formula)", "distance = torch.tensor(", "shift3d = broken(shift3d, lambda y: 2 * y)"),
        ("torch.allclose(slope.norm()", "def losses", "shift3d = partial(shift3d, normalize_grad=False)"),
        ("steps < 40 or", "", "true = (0.0, 7.3, 9.7)"),
        ("error < 1e-4", "def f(", 'shift3d = partial(shift3d, integer_rule="published")'),
        ("torch.equal(rounded", "", "shift3d = broken(shift3d, lambda y: 2 * y)"),
        ("assert_close(fast", "",
         'ours = shift3d; shift3d = lambda x, s, backend: ours(x, s + (backend == "cpu"), backend=backend)'),
        ("ran.returncode ==", "", 'script = script.replace("shift_reference(x, s", "shift_reference(x, -s")'),
        ("abs(1e6 * moved_mb", "", "moved_mb = {shape: 2 * mb for shape, mb in moved_mb.items()}"),
        ('cost["shift"].macs == 0', "rivals = {", ONE_MORE),
        ("sum(whole_net.by_operator", "", ONE_MORE),
    ],
    "06_rubiksnet": [
        ("assert_close(shifted", "", "shift3d = broken(shift3d, lambda y: y.roll(1, 2))"),
        ("assert_close(frame_shift", "", "frame_shift = broken(frame_shift, lambda y: y.roll(1, 2))"),
        ("assert_close(mine.eval()", "", 'patch(Block, "forward", lambda _, x: x)'),
        ("filled.MMACs.idxmin()", "", CONSTANT),
        ("assert_close(soft", "", "temporal_filter = broken(temporal_filter, lambda y: 1.1 * y)"),
        ("distance == sorted", "sharpness, distance = ", "temperatures = temperatures[::-1]"),
        ("ratio.between", "", DOUBLED),
    ],
    "07_sub_kernels": [
        ("inside.sum() for inside", "", "kernel_cells = broken(kernel_cells, lambda inside: ~inside)"),
        ("assert_close(mixed", "", "subkernel_conv3d = broken(subkernel_conv3d, lambda y: 1.1 * y)"),
        ("used.float()", "", 'weights = {**weights, "kxkxk": weights["kxkxk"][1:]}'),
        ("assert_close(got", "", "depthwise_subkernel_conv3d = broken(depthwise_subkernel_conv3d, lambda y: 1.1 * y)"),
        ("set(ms[name]) ==", "def step", "interleave = broken(interleave, lambda times: dict([*times.items()][1:]))"),
        ("len(both) ==", "", "depthwise = []"),
        ('"conv3d" not in ops', "", 'ops = ops[::-1]; counts = dict.fromkeys(ops, counts["conv2d"])'),
    ],
    "08_counting_flops": [
        ("by_hand == counted", "", DOUBLED),
        ("by_hand == cost.macs", "", COST.format("torch_flops=cost.macs")),
        ("cost.fvcore_total ==", "", COST.format("fvcore_total=cost.macs")),
        ("round(ways[", "", 'patch(counting_rules, "table8_ops", counting_rules.macs)'),
        ('counted["32x256x256"]', "", 'patch(counting_rules, "mmaction2_0x", counting_rules.macs)'),
        ("rows.printed", "ZOOS = {", 'patch(counting_rules, "slowfast", counting_rules.mmaction2_x3d)'),
        ("figures.note !=", "", 'cost_table = broken(cost_table, lambda rows: rows.assign(note=""))'),
        ("not cost.unsupported", "", COST.format('unsupported={"aten::new": 1}')),
        ("table.latency_ms_p90 >=", "measure_speed(",
         'measure_speed = broken(measure_speed, lambda row: {**row, "latency_ms_p90": 0.0})'),
    ],
    "09_why_flops_lie": [
        ("machine.balance > 0", "",
         "measure_machine = broken(measure_machine, lambda machine: altered(machine, balance=0.0))"),
        ("table.macs.sum() ==", "", DOUBLED),
        ("assert_close(*(layers", "", 'laid = {**laid, "contiguous": laid["contiguous"] + 1}'),
        ("torch.get_num_threads() == most", "",
         "ours = interleave; interleave = lambda *a, **k: (ours(*a, **k), torch.set_num_threads(most + 1))[0]"),
        ('speed["ms p90"] >=', "alone = interleave",
         'interleave = broken(interleave, lambda times: {name: [float("nan")] for name in times})'),
        ("sorted(seen + held_out)", "nnls(", "nnls = lambda counts, ms: (-np.ones(counts.shape[1]), 0)"),
    ],
    "10_training": [
        ("torch.equal(clip", "", 'clips = {**clips, "train": Restless(clips["train"])}'),
        ('folder / "result.json"', "", "epochs += 1"),
        ('test["top1_low"] <=', "", 'record = {**record, "test": {**record["test"], "top1_low": 101.0}}'),
        ('abs(hits - test["top1"])', "", "confusions = broken(confusions, lambda counts: counts + 1)"),
        ("victim.returncode == -9", "", "victim = SimpleNamespace(returncode=0)"),
        ('torch.equal(value, b["net"]', "",
         'ours = torch.equal; patch(torch, "equal", lambda a, b: ours(a, b + 1))'),
        ('losses["undisturbed"] ==', "", 'patch(torch, "load", another_past(torch.load))'),
        ('trial("killed").wait() ==', "def trial", 'TRIAL = "raise SystemExit(3)"'),
    ],
    "11_search_sub_kernels": [
        ("sum(kind_weights(", "",
         "kind_weights = broken(kind_weights, lambda found: {kind: 2 * weight for kind, weight in found.items()})"),
        ("sum(layer.values()) for layer in deal", "search(folder",
         "search = broken(search, lambda found: (found[0][1:], found[1]))"),
        ("len(kept) ==", "", "draw_gammas = broken(draw_gammas, lambda kept: kept[1:])"),
        ('costs[name].macs for name in deals if name.startswith("random")', "",
         "costs = {name: SimpleNamespace(macs=number) for number, name in enumerate(deals)}"),
        ('priority != "cost" or', "", "search_epochs, moved_channels = 3, lambda *_: 0.0"),
        ('len(each["history"]) ==', "", SHORT),
        ("set(table.variant) ==", "",
         'compared = broken(compared, lambda rows: [{**row, "verdict": "a is better"} for row in rows])'),
    ],
    "12_plan_the_optimization": [
        ('before["path"] !=', "", FOUND.format('"path": [[1, 1]]')),
        ("scores[-1] - scores[-2]", "", FOUND.format('"edges": [{**edge, "score": 0.5} for edge in found["edges"]]')),
        ("peaks[-1] ==", "def seen_after", "fitted_curve = broken(fitted_curve, lambda fitted: fitted[::-1])"),
        ('len(edge["accuracies"]) <=', "", "cap = 0"),
        ('edge["outcome"] == "capped"', "",
         'record = {**record, "capped_edges": [[edge["start"], edge["end"]] for edge in record["edges"]'
         ' if edge["outcome"] != "capped"]}'),
        ('sum(map(len, again["history"]))', "",
         'fit_schedule = broken(fit_schedule, lambda again: {**again, "history": again["history"][1:]})'),
        ("0 < path_gmacs <=", "", 'record = {**record, "path": 50 * record["path"]}'),
        ("table.train_gmacs <=", "",
         'variants = {name: {**row, "train_gmacs": 1e9} for name, row in variants.items()}'),
    ],
    "13_evaluation_protocols": [
        ('len(record["history"]) ==', "", SHORT),
        ('found["10 x 3 views"]["views"] == 30', "PROTOCOLS = {",
         'accuracies = broken(accuracies, lambda found: {**found, "views": 1})'),
        ("abs(curve[-1]", "curve = [",
         'accuracies = broken(accuracies, lambda found: {**found, "top1": found["top1"] + 1})'),
        ('widths["views as trials"] <=', "", "wilson_interval = lambda hits, trials: (0.0, trials)"),
        ("said ==", "average_views(three", "average_views = lambda views, rule: views.mean(1)"),
        ("not loaded.report.unused", "",
         'load_published = broken(load_published, lambda it: altered(it, report=altered(it.report, unused=["x"])))'),
        ('own["top1_low"] <=', "", 'own = {**own, "top1_low": 100.0}'),
        ('answer.status == "ok"', "answer,) = classify",
         "classify = broken(classify, lambda found: [altered(one, top=one.top[::-1]) for one in found])"),
        ("heat.shape ==", "", "grad_cam = broken(grad_cam, lambda found: (found[0] - 1, found[1]))"),
    ],
    "14_trade_offs": [
        ("table.top1.between", "", "found = found.assign(top1=found.top1 + 50)"),
        ("front.top1.max() ==", "", "pareto_front = lambda costs, tops: [tops.index(min(tops))]"),
        ("names <= set(table.net)", "fronts = {}", "pareto_front = lambda costs, tops: []"),
        ('luck["one seed', "def by_seeds", BETTER),
        ('"better" in verdict', "", 'pairs = pairs.assign(verdict="a is better", seeds=1)'),
        ("set(printed.dataset) >=", "", 'published = "Kinetics-4000"'),
    ],
}
# fmt: on
