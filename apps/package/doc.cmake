# The reference of the API, from the comments of the headers that are installed: doc/html/index.html in the build folder.
find_package(Doxygen QUIET)
if(NOT DOXYGEN_FOUND)
  ockham_without_tool(doc doxygen)
  return()
endif()

set(DOXYGEN_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/doc)
set(DOXYGEN_PROJECT_NAME Ockham)
set(DOXYGEN_USE_MDFILE_AS_MAINPAGE README.md)
set(DOXYGEN_JAVADOC_AUTOBRIEF YES)
set(DOXYGEN_EXTRACT_ALL YES)  # names that need no words have none
set(DOXYGEN_WARN_NO_PARAMDOC NO)
set(DOXYGEN_WARN_IF_INCOMPLETE_DOC NO)  # @param where a parameter has rules of its own
set(DOXYGEN_BUILTIN_STL_SUPPORT YES)
set(DOXYGEN_HAVE_DOT NO)
set(DOXYGEN_GENERATE_LATEX NO)
set(DOXYGEN_WARN_AS_ERROR FAIL_ON_WARNINGS)
set(DOXYGEN_QUIET YES)
doxygen_add_docs(doc README.md ${public_headers} WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
