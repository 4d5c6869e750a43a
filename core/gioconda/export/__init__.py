"""A portrait for game engines: a binary glTF whose 52 ARKit morph targets an engine moves in real time.

relief  the portrait as surfaces with displacements, picture space: the engine's own mesh, retarget, teeth, eyes, hull
gltf    a binary glTF file, part by part
scene   surfaces and textures as a glTF scene with a head that turns
page    a page that plays the file in a browser
command what `gioconda export` does
"""
