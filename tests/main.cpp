// The entry point shared by all test programs; suites live in LAYER/NAME_test.cpp.
#define BOOST_TEST_MODULE ockham
#include <boost/test/unit_test.hpp>
