#!/usr/bin/env bash
# Takes the libraries out of a wheel of onnxruntime-gpu that was built for this Jetson, and compiles the Node binding alone beside
# them. NOT RUN: no wheel of the version that is needed was seen, and GitHub was not reached where this was written.
set -euo pipefail
. "$(dirname "$0")/box.sh"

usage() {
	cat <<'HELP'
ort-wheel.sh WHEEL [--out DIR] [--sources DIR]
  WHEEL          onnxruntime_gpu-VERSION-…-linux_aarch64.whl, built with --use_tensorrt --build_shared_lib for this JetPack
  --out DIR      where binding and libraries go (default /opt/inspectord-ort)
  --sources DIR  a copy of github.com/microsoft/onnxruntime at tag vVERSION; cloned otherwise
HELP
}

out=/opt/inspectord-ort
sources=
wheel=
while [ $# -gt 0 ]; do
	case $1 in
	--out | --sources)
		[ $# -ge 2 ] || refuse "$1 needs a value" 'See --help.'
		declare "${1#--}=$2"
		shift 2
		;;
	--help | -h)
		usage
		exit 0
		;;
	-*) refuse "there is no option $1" 'See --help.' ;;
	*)
		[ -z "$wheel" ] || refuse 'one wheel is needed, not several' 'See --help.'
		wheel=$1
		shift
		;;
	esac
done
[ -n "$wheel" ] || refuse 'it is not said which wheel' 'See --help.'
[ -f "$wheel" ] || refuse "there is no wheel $wheel" 'Download it first: docs/jetson.md tells where wheels were seen.'
version=$(ort_version)
case $(basename "$wheel") in
onnxruntime_gpu-"$version"-*aarch64.whl) ;;
*) refuse "$(basename "$wheel") is not onnxruntime_gpu $version for aarch64" "Libraries and binding must be of one version: build $version with ort-build.sh, or find its wheel." ;;
esac
jetson_linux >/dev/null
needs python3 'sudo apt install python3'
needs g++ 'sudo apt install build-essential'
needs node 'Install Node 22 from nodejs.org.'
needs npm 'Install Node 22 from nodejs.org.'
least g++ "$(g++ -dumpfullversion)" 11.1 'sudo apt install g++-12 && export CXX=g++-12'

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# A wheel is a zip file.
python3 -m zipfile -e "$wheel" "$work/wheel"
capi=$work/wheel/onnxruntime/capi
made=$work/made
mkdir "$made"
library=$(find "$capi" -name 'libonnxruntime.so*' | head -n 1)
[ -n "$library" ] || refuse 'the wheel holds no libonnxruntime.so: it was built without --build_shared_lib' 'Take another wheel, or build with ort-build.sh.'
cp "$library" "$made/libonnxruntime.so.1"
for provider in shared cuda tensorrt; do
	[ -f "$capi/libonnxruntime_providers_$provider.so" ] || refuse "the wheel holds no libonnxruntime_providers_$provider.so" 'Take a wheel that was built with --use_tensorrt.'
	cp "$capi/libonnxruntime_providers_$provider.so" "$made/"
done

if [ -z "$sources" ]; then
	needs git 'sudo apt install git'
	sources=$work/onnxruntime
	git clone --depth 1 --branch "v$version" https://github.com/microsoft/onnxruntime "$sources"
fi
[ "$(cat "$sources/VERSION_NUMBER")" = "$version" ] || refuse "$sources holds version $(cat "$sources/VERSION_NUMBER"), $version is needed" "git -C $sources checkout v$version"
addon=$(node -p "const p = require('$sources/js/node/package.json'); ({ ...p.dependencies, ...p.devDependencies })['node-addon-api']")
(cd "$work" && npm install --no-save --ignore-scripts --no-audit --no-fund "node-addon-api@$addon" node-api-headers)
# As js/node/CMakeLists.txt compiles it, without cmake-js and what that downloads.
"${CXX:-g++}" -std=c++20 -O2 -shared -fPIC -DNAPI_VERSION=6 -DORT_API_MANUAL_INIT -DUSE_CUDA=1 -DUSE_TENSORRT=1 \
	-I "$sources/include/onnxruntime/core/session" -I "$sources/include/onnxruntime" -I "$sources/onnxruntime" \
	-I "$work/node_modules/node-addon-api" -I "$work/node_modules/node-api-headers/include" \
	"$sources"/js/node/src/*.cc -L "$made" -l:libonnxruntime.so.1 "-Wl,-rpath,\$ORIGIN" -o "$made/onnxruntime_binding.node"
sudo mkdir -p "$(dirname "$out")"
[ ! -e "$out" ] || sudo mv "$out" "$out.before-$(date +%s)"
sudo cp -r "$made" "$out"
sudo chmod -R a+rX "$out"
proven "$out"
