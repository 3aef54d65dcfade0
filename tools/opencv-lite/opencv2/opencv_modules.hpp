// Stands before OpenCV's own list of modules while the Node binding is compiled: only these are built in.
#define HAVE_OPENCV_CORE
#define HAVE_OPENCV_IMGPROC
#define HAVE_OPENCV_IMGCODECS
#define HAVE_OPENCV_VIDEOIO
#define HAVE_OPENCV_HIGHGUI
#define HAVE_OPENCV_DNN
