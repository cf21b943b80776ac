# Manual pages, written from what --help of each program says; where help2man is, they are installed, too.
get_property(programs GLOBAL PROPERTY ockham_programs)
find_program(HELP2MAN help2man)
mark_as_advanced(HELP2MAN)
if(NOT HELP2MAN)
  ockham_without_tool(man help2man)
  return()
endif()

set(pages)
foreach(program ${programs})
  set(page ${CMAKE_BINARY_DIR}/man/${program}.1)
  add_custom_command(OUTPUT ${page}.gz
    COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/man_page ${HELP2MAN} $<TARGET_FILE:${program}> ${PROJECT_VERSION} ${page}
    DEPENDS ${program} VERBATIM)
  list(APPEND pages ${page}.gz)
endforeach()
file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/man)
add_custom_target(man ALL DEPENDS ${pages})
install(FILES ${pages} DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 COMPONENT programs)
