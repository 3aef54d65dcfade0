# shellcheck shell=bash
# What the scripts of this folder ask of a box; they read it with `.`.

# inspectord's folder, wherever the script goes from here.
home=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

# refuse WHY REMEDY: ends in words.
refuse() {
	printf '%s: %s\n%s\n' "$(basename "$0")" "$1" "$2" >&2
	exit 1
}

# needs COMMAND REMEDY
needs() {
	command -v "$1" >/dev/null || refuse "$1 is not there" "$2"
}

# least WHAT FOUND WANTED REMEDY: versions.
least() {
	[ "$(printf '%s\n%s\n' "$3" "$2" | sort -V | head -n 1)" = "$3" ] || refuse "$1 $2 is too old, $3 or later is needed" "$4"
}

# The version of ONNX Runtime that inspectord speaks with: libraries and binding must be of it exactly.
ort_version() {
	sed -n 's/.*"onnxruntime-node": "\([0-9.]*\)".*/\1/p' "$home/package.json"
}

# The release of Jetson Linux, as in 36.4.3. Refuses other machines, and releases for which ONNX Runtime is not made.
jetson_linux() {
	[ "$(uname -m)" = aarch64 ] || refuse "this is $(uname -m), and no Jetson" 'Run it on the Jetson itself: nothing is cross-compiled here.'
	local file=${NV_TEGRA_RELEASE:-/etc/nv_tegra_release} release
	[ -r "$file" ] || refuse "there is no $file, so no Jetson Linux" 'Flash the Jetson with JetPack 6.2 (docs/jetson.md).'
	release=$(sed -n 's/^# R\([0-9]*\) (release), REVISION: \([0-9.]*\),.*/\1.\2/p' "$file")
	[ -n "$release" ] || refuse "$file tells no release" 'Reinstall nvidia-l4t-core.'
	case $release in
	3[0-5].*) refuse "Jetson Linux $release is JetPack 5 or older: ONNX Runtime $(ort_version) is not made for its CUDA 11 and TensorRT 8.5" 'Compute on the processor, or move an Orin to JetPack 6.2.' ;;
	36.[0-3].*) refuse "Jetson Linux $release is JetPack 6.0 with TensorRT 8.6: nobody tells of ONNX Runtime $(ort_version) there" 'Move to JetPack 6.2: sudo apt dist-upgrade with its sources, or flash it.' ;;
	esac
	echo "$release"
}

# The GPU's architecture as nvcc names it, by the chip.
cuda_architecture() {
	local compatible
	compatible=$(tr '\0' '\n' <"${DEVICE_TREE:-/proc/device-tree}/compatible")
	case $compatible in
	*tegra234*) echo 87 ;;
	*tegra264*) echo 110 ;;
	*) refuse 'the chip is neither Orin nor Thor' 'Give its architecture with --architecture, as NVIDIA lists it for CUDA_ARCHITECTURES.' ;;
	esac
}

# proven FOLDER: what the program itself says of the result.
proven() {
	if [ -f "$home/dist/main.js" ]; then
		INSPECTORD_ORT=$1 node "$home/dist/main.js" doctor --jetson || true
	fi
	printf 'To use it: INSPECTORD_ORT=%s (systemd/inspectord-jetson.conf)\n' "$1"
}
