// Debian packages that the project stands on, each with a file that shows it is there.
export const packages = [
	{ name: 'build-essential', shows: '/usr/bin/g++', for: 'build' },
	{ name: 'make', shows: '/usr/bin/make', for: 'build' },
	{ name: 'python3', shows: '/usr/bin/python3', for: 'build' },
	{ name: 'libopencv-dev', shows: '/usr/include/opencv4/opencv2/core.hpp', for: 'build' },
	{ name: 'mosquitto', shows: '/usr/sbin/mosquitto', for: 'test' },
	{ name: 'openssl', shows: '/usr/bin/openssl', for: 'test' },
	{ name: 'mosquitto-clients', shows: '/usr/bin/mosquitto_sub', for: 'test' },
	{ name: 'libfaketime', shows: '/usr/share/doc/libfaketime', for: 'test' },
	{ name: 'qemu-user-static', shows: '/usr/bin/qemu-x86_64-static', for: 'test' },
	{ name: 'python3-gi', shows: '/usr/lib/python3/dist-packages/gi/__init__.py', for: 'test' },
	{ name: 'gir1.2-gst-rtsp-server-1.0', shows: '/usr/share/doc/gir1.2-gst-rtsp-server-1.0', for: 'test' },
	{ name: 'gstreamer1.0-plugins-good', shows: '/usr/share/doc/gstreamer1.0-plugins-good', for: 'test' },
	{ name: 'gstreamer1.0-plugins-ugly', shows: '/usr/share/doc/gstreamer1.0-plugins-ugly', for: 'test' },
	{ name: 'qemu-user-static', shows: '/usr/bin/qemu-aarch64-static', for: 'arm64' },
	{ name: 'g++-aarch64-linux-gnu', shows: '/usr/bin/aarch64-linux-gnu-g++', for: 'arm64' },
	{ name: 'dpkg-dev', shows: '/usr/bin/dpkg-shlibdeps', for: 'package' },
	{ name: 'xz-utils', shows: '/usr/bin/xz', for: 'package' },
	{ name: 'lintian', shows: '/usr/bin/lintian', for: 'package-test' },
	{ name: 'debootstrap', shows: '/usr/sbin/debootstrap', for: 'package-test' },
	{ name: 'systemd-container', shows: '/usr/bin/systemd-nspawn', for: 'package-test' },
];

/** The packages that are missing for `purposes` ('build', 'test', 'arm64', 'package', 'package-test'), as `exists` sees the disk. */
export function missingPackages(purposes, exists) {
	return packages.filter((p) => purposes.includes(p.for) && !exists(p.shows)).map((p) => p.name);
}

/** The one line that installs them, for a person to run. */
export function installLine(names) {
	return `sudo apt-get update && sudo apt-get install -y --no-install-recommends ${names.join(' ')}`;
}
