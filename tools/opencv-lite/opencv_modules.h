// Stands before the binding's file of this name, which brings in all of OpenCV's core and nan before it says which
// modules there are: a source whose module is left out is then compiled in no time.
#include "opencv2/opencv_modules.hpp"
