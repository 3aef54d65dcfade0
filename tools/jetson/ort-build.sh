#!/usr/bin/env bash
# Builds ONNX Runtime with TensorRT and its Node binding from source, on the Jetson. NOT RUN: written from ONNX Runtime's own
# build files and from jetson-containers, which builds 1.25.1 in the same way.
set -euo pipefail
. "$(dirname "$0")/box.sh"

usage() {
	cat <<'HELP'
ort-build.sh [--out DIR] [--work DIR] [--jobs N] [--architecture N]
  --out DIR         where binding and libraries go (default /opt/inspectord-ort)
  --work DIR        where sources and objects lie, 30 GB (default ~/inspectord-ort-build)
  --jobs N          compilers at a time (default: one for every 6 GB of memory and swap beyond 8)
  --architecture N  the GPU's, as 87 (Orin) or 110 (Thor); read from the device tree otherwise
Takes hours. Writes to DIR only when everything was built.
HELP
}

out=/opt/inspectord-ort
work=$HOME/inspectord-ort-build
jobs=
architecture=
while [ $# -gt 0 ]; do
	case $1 in
	--out | --work | --jobs | --architecture)
		[ $# -ge 2 ] || refuse "$1 needs a value" 'See --help.'
		declare "${1#--}=$2"
		shift 2
		;;
	--help | -h)
		usage
		exit 0
		;;
	*) refuse "there is no option $1" 'See --help.' ;;
	esac
done
case $jobs in *[!0-9]*) refuse "--jobs $jobs is no number" 'See --help.' ;; esac
case $architecture in *[!0-9]*) refuse "--architecture $architecture is no number" 'See --help.' ;; esac

release=$(jetson_linux)
version=$(ort_version)
[ -n "$version" ] || refuse 'package.json names no onnxruntime-node' 'Run it from a whole copy of inspectord.'
[ -n "$architecture" ] || architecture=$(cuda_architecture)

export PATH=/usr/local/cuda/bin:$PATH
needs git 'sudo apt install git'
needs nvcc 'sudo apt install nvidia-jetpack'
needs g++ 'sudo apt install build-essential'
needs cmake 'python3 -m pip install --user cmake'
needs python3 'sudo apt install python3 python3-pip'
needs node 'Install Node 22 from nodejs.org.'
needs npm 'Install Node 22 from nodejs.org.'
least g++ "$(g++ -dumpfullversion)" 11.1 'sudo apt install g++-12 && export CC=gcc-12 CXX=g++-12'
least cmake "$(cmake --version | sed -n '1s/[^0-9]*//p')" 3.28 'python3 -m pip install --user cmake'
least python3 "$(python3 -c 'import platform; print(platform.python_version())')" 3.10 'Use the Python of JetPack 6 or later.'
least node "$(node -p process.versions.node)" 20.9 'Install Node 22 from nodejs.org.'
libraries=/usr/lib/aarch64-linux-gnu
[ -e $libraries/libnvinfer.so ] || refuse 'the files to build with TensorRT are not there' 'sudo apt install libnvinfer-dev libnvinfer-plugin-dev libnvonnxparsers-dev'
[ -e $libraries/libcudnn.so ] || refuse 'the files to build with cuDNN are not there' 'sudo apt install nvidia-cudnn-dev, or libcudnn9-dev-cuda-12'

# nvcc takes up to 6 GB a compiler (jetson-containers, packages/ml/onnxruntime/build.sh).
if [ -z "$jobs" ]; then
	gigabytes=$(awk '/^(MemTotal|SwapTotal):/ { sum += $2 } END { print int(sum / 1048576) }' /proc/meminfo)
	jobs=$(((gigabytes - 8) / 6))
	[ $jobs -ge 1 ] || refuse "$gigabytes GB of memory and swap are too little for nvcc" 'Add a swap file of 16 GB for the build, or build on a larger Jetson of the same JetPack.'
fi

printf 'ONNX Runtime %s for Jetson Linux %s, architecture %s, %s compilers at a time\n' "$version" "$release" "$architecture" "$jobs"
mkdir -p "$work"
sources=$work/onnxruntime-$version
[ -d "$sources" ] || git clone --depth 1 --recurse-submodules --shallow-submodules --branch "v$version" https://github.com/microsoft/onnxruntime "$sources"
cd "$sources"
./build.sh --config Release --update --build --parallel "$jobs" --nvcc_threads 1 --skip_tests \
	--build_shared_lib --build_nodejs \
	--use_cuda --cuda_home /usr/local/cuda --cudnn_home $libraries \
	--use_tensorrt --tensorrt_home $libraries \
	--cmake_extra_defines "CMAKE_CUDA_ARCHITECTURES=$architecture" onnxruntime_BUILD_UNIT_TESTS=OFF

built=build/Linux/Release
binding=$(find js/node/bin -name onnxruntime_binding.node -path '*linux/arm64*' | head -n 1)
[ -n "$binding" ] || refuse 'the build made no Node binding' "See what it said of js/node in $sources."
made=$work/made-$version
rm -rf "$made"
mkdir -p "$made"
cp "$binding" "$made/"
cp -L "$built/libonnxruntime.so.1" "$made/"
for provider in shared cuda tensorrt; do
	cp -L "$built/libonnxruntime_providers_$provider.so" "$made/"
done
sudo mkdir -p "$(dirname "$out")"
[ ! -e "$out" ] || sudo mv "$out" "$out.before-$(date +%s)"
sudo cp -r "$made" "$out"
proven "$out"
