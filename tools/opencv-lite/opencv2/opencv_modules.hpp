// Stands before OpenCV's own list of modules while the Node binding is compiled: only these are built in.
#define HAVE_OPENCV_CORE
#define HAVE_OPENCV_IMGPROC
#define HAVE_OPENCV_IMGCODECS
#define HAVE_OPENCV_VIDEOIO
// What the binding calls its reading and writing of pictures and streams; its own list asks for windows (highgui) too.
#define HAVE_IO
