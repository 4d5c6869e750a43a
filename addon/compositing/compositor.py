"""The compositor's trees and nodes. The only file that knows where Blender 4.x and 5.x differ there.

A Gioconda Portrait is a plain group node. Inside its group one Image node, PICTURE, shows the portrait before anything
is rendered and the sequence of frames afterwards; its outputs go to the group's outputs by name.
"""

from collections.abc import Iterator

import bpy

PICTURE = "Picture"  # the Image node inside the group
FRAMES = "Frames"  # an Image node that is linked to nothing: it keeps the image of the sequence from the start
OUTPUT = "Group Output"

# The Image node counts files from its start frame, clamped to its duration: these two cover every frame a scene can
# reach, and the offset alone (a driver) says which file is shown.
FIRST_FRAME = -100_000
DURATION = 1_048_574
LONGEST_EXPRESSION = 255  # letters a driver holds

# Socket types of the passes. Vector is a colour, because a vector socket loses its fourth component in Blender 5.2.
SOCKETS = {
    "Image": "NodeSocketColor",
    "Vector": "NodeSocketColor",
    "Plate": "NodeSocketColor",
    "Foreground": "NodeSocketColor",
    "UV": "NodeSocketVector",
}


def scene_tree(scene: bpy.types.Scene, *, create: bool = False) -> bpy.types.NodeTree | None:
    """The tree that composites a scene; made with an output and a viewer where there is none and `create` is set."""
    if bpy.app.version < (5, 0, 0):
        if create and not scene.use_nodes:
            fresh = scene.node_tree is None
            scene.use_nodes = True
            if fresh:
                scene.node_tree.nodes.clear()  # Blender's own start shows the render: 5.x starts with nothing
                _furnish(scene.node_tree, "CompositorNodeComposite")
        return scene.node_tree if scene.use_nodes else None
    tree = scene.compositing_node_group
    if tree is None and create:
        tree = bpy.data.node_groups.new("Compositing", "CompositorNodeTree")
        tree.interface.new_socket("Image", in_out="OUTPUT", socket_type="NodeSocketColor")
        _furnish(tree, "NodeGroupOutput")
        scene.compositing_node_group = tree
    return tree


def _furnish(tree: bpy.types.NodeTree, output: str) -> None:
    """What a new scene tree starts with."""
    tree.nodes.new(output).location = (600, 100)
    tree.nodes.new("CompositorNodeViewer").location = (600, -100)
    render = tree.nodes.new("CompositorNodeRLayers")  # muted, or every frame of the portrait would render it
    render.label, render.mute, render.location = "3D Render (unmute, then connect)", True, (300, -250)


def end_nodes(tree: bpy.types.NodeTree) -> list[bpy.types.Node]:
    """The nodes that end a scene's tree: its output and its viewers."""
    output = "CompositorNodeComposite" if bpy.app.version < (5, 0, 0) else "NodeGroupOutput"
    return [node for node in tree.nodes if node.bl_idname in (output, "CompositorNodeViewer")]


def put_into_view(region: bpy.types.Region, scale: float, node: bpy.types.Node, *, others: bool) -> None:
    """Move a node to the middle of what a node editor's region shows; with `others`, all other nodes of its tree along.

    `scale`: of the interface; a node's location times this is a place in the region's view.
    """
    x, y = (value / scale for value in region.view2d.region_to_view(region.width / 2, region.height / 2))
    before = node.location.copy()
    node.location = (x - node.width, y + 100)
    if others:
        for other in node.id_data.nodes:
            if other != node:
                other.location = other.location + node.location - before


def group_nodes(tree: bpy.types.NodeTree | None, *, _seen: frozenset[int] = frozenset()) -> Iterator[bpy.types.Node]:
    """Every group node in a tree, and in the groups within it."""
    if tree is None or tree.session_uid in _seen:
        return
    for node in tree.nodes:
        if node.bl_idname == "CompositorNodeGroup" and node.node_tree is not None:
            yield node
            yield from group_nodes(node.node_tree, _seen=_seen | {tree.session_uid})


def add_group(tree: bpy.types.NodeTree, group: bpy.types.NodeTree) -> bpy.types.Node:
    """A new group node in `tree` showing `group`."""
    node = tree.nodes.new("CompositorNodeGroup")
    node.node_tree = group
    node.width = 200
    return node


def fcurves(action: bpy.types.Action, slot: object | None) -> list[bpy.types.FCurve]:
    """The F-curves of an action; where actions have layers (4.4 and later) those of a slot."""
    if not hasattr(action, "layers"):
        return [*action.fcurves]
    strips = [strip for layer in action.layers for strip in layer.strips if strip.type == "KEYFRAME"]
    bags = [bag for strip in strips if slot is not None and (bag := strip.channelbag(slot)) is not None]
    return [curve for bag in bags for curve in bag.fcurves]


def build(group: bpy.types.NodeTree) -> None:
    """The inside of a new portrait's group."""
    picture = group.nodes.new("CompositorNodeImage")
    picture.name = PICTURE
    output = group.nodes.new("NodeGroupOutput")
    output.name = OUTPUT
    output.location = (400, 0)


def picture_node(group: bpy.types.NodeTree) -> bpy.types.Node:
    """The Image node inside the group; made again where an artist deleted it."""
    node = group.nodes.get(PICTURE)
    if node is None or node.bl_idname != "CompositorNodeImage":
        node = group.nodes.new("CompositorNodeImage")
        node.name = PICTURE
    return node


def frames_node(group: bpy.types.NodeTree) -> bpy.types.Node:
    """The node that keeps the image of the sequence while the group shows the portrait; made where there is none, with
    the sequence that a file of an earlier version shows."""
    node = group.nodes.get(FRAMES)
    if node is None or node.bl_idname != "CompositorNodeImage":
        node = group.nodes.new("CompositorNodeImage")
        node.name, node.label, node.mute, node.hide = FRAMES, "Frames (not shown from here)", True, True
        node.location = (0, -300)
        shown = picture_node(group).image
        if shown is not None and shown.source == "SEQUENCE" and shown != group.gioconda.image:
            node.image = shown
    return node


def output_sockets(group: bpy.types.NodeTree) -> list[bpy.types.NodeTreeInterfaceSocket]:
    """The group's outputs, in order."""
    return [item for item in group.interface.items_tree if item.item_type == "SOCKET" and item.in_out == "OUTPUT"]


def set_outputs(group: bpy.types.NodeTree, names: list[str]) -> None:
    """Give the group outputs of these names, in this order. Sockets that stay keep their links; one that is no
    longer wanted but linked stays too, at the end."""
    wanted = [*names, *(n for n in (s.name for s in output_sockets(group)) if n not in names and _linked(group, n))]
    for socket in output_sockets(group):
        if socket.name not in wanted:
            group.interface.remove(socket)
    there = {socket.name for socket in output_sockets(group)}
    for name in wanted:
        if name not in there:
            group.interface.new_socket(name, in_out="OUTPUT", socket_type=SOCKETS.get(name, "NodeSocketFloat"))
    for place, name in enumerate(wanted):
        socket = next(s for s in output_sockets(group) if s.name == name)
        if output_sockets(group)[place] != socket:
            group.interface.move(socket, place)


def _linked(group: bpy.types.NodeTree, name: str) -> bool:
    """Whether any node that shows this group has something connected to the output `name`."""
    trees = [*bpy.data.node_groups, *(tree for scene in bpy.data.scenes if (tree := scene_tree(scene)))]
    return any(
        socket.name == name and socket.is_linked
        for tree in trees
        if tree.bl_idname == "CompositorNodeTree"
        for node in tree.nodes
        if node.bl_idname == "CompositorNodeGroup" and node.node_tree == group
        for socket in node.outputs
    )


def connect(group: bpy.types.NodeTree, sources: dict[str, tuple[str, ...]]) -> None:
    """Link the Image node's outputs to the group's: name of the group's output → names to look for, best first."""
    picture = picture_node(group)
    output = group.nodes.get(OUTPUT) or group.nodes.new("NodeGroupOutput")
    output.name = OUTPUT
    for socket in output_sockets(group):
        target = next((s for s in output.inputs if s.identifier == socket.identifier), None)
        names = sources.get(socket.name, ())
        found = next((picture.outputs[n] for n in names if n in picture.outputs and picture.outputs[n].enabled), None)
        if target is None or (found is None and not target.is_linked):
            continue
        if found is None:
            for link in list(target.links):
                group.links.remove(link)
        elif not (target.is_linked and target.links[0].from_socket == found):
            group.links.new(found, target)


def show_still(group: bpy.types.NodeTree, image: bpy.types.Image | None) -> None:
    """Let the group show one picture on every frame."""
    picture = picture_node(group)
    picture.driver_remove("frame_offset")
    if picture.image != image:
        picture.image = image


def show_sequence(
    group: bpy.types.NodeTree, image: bpy.types.Image, *, runs: list[tuple[int, int]], idle: int
) -> list[tuple[int, int]]:
    """Let the group show file `frame` of a sequence on the frames of `runs` (first and last of each), and file `idle`
    on every other. Returns the runs there was room for: a driver's expression holds 255 letters.

    The choice is a driver simple enough for Blender to evaluate by itself: no add-on, no Python, no permission.
    """
    picture = picture_node(group)
    if picture.image != image:
        picture.image = image
    picture.frame_start, picture.frame_duration = FIRST_FRAME, DURATION
    picture.use_cyclic, picture.use_auto_refresh = False, True
    base = FIRST_FRAME - 1  # file = frame − start + 1 + offset
    kept = sorted(runs, key=lambda run: run[0] - run[1])  # the longest first
    while len(expression := _choice(sorted(kept), base, idle)) > LONGEST_EXPRESSION:
        kept.pop()
    curve = group.animation_data and group.animation_data.drivers.find(picture.path_from_id("frame_offset"))
    if not curve:
        curve = picture.driver_add("frame_offset")
        while curve.modifiers:
            curve.modifiers.remove(curve.modifiers[0])
    if curve.driver.type != "SCRIPTED" or curve.driver.expression != expression:
        curve.driver.type = "SCRIPTED"
        curve.driver.expression = expression
    return sorted(kept)


def _choice(runs: list[tuple[int, int]], base: int, idle: int) -> str:
    """The driver's expression: the offset that shows a frame's own file in the runs, else the idle one's."""
    inside = " or ".join(f"{first} <= frame <= {last}" for first, last in runs)
    return f"{base} if {inside} else {base + idle} - frame"


def touch(group: bpy.types.NodeTree) -> None:
    """Make the compositor look again: its files have changed."""
    picture = picture_node(group)
    picture.frame_duration = picture.frame_duration
    group.update_tag()
