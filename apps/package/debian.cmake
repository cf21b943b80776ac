# Debian packages, one a component: ockham, which depends on the libraries that its programs load (dpkg-shlibdeps, so it
# is made for the release that it is made on), and libockham-dev, whose static libraries want theirs when they are linked.
set(CPACK_GENERATOR DEB)
set(CPACK_COMPONENTS_ALL programs development)
set(CPACK_PACKAGE_CONTACT "The Ockham developers <ockham@localhost>")
set(CPACK_PACKAGE_HOMEPAGE_URL "")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION science)

set(CPACK_DEBIAN_PROGRAMS_PACKAGE_NAME ockham)
set(CPACK_DEBIAN_PROGRAMS_PACKAGE_SHLIBDEPS ON)
set(CPACK_COMPONENT_PROGRAMS_DESCRIPTION "deep learning with Bayesian architecture search
Programs that search, train and evaluate small neural networks, with exact
second derivatives: BayesNAS, DARTS, BaLeNAS, PGNAS and random search.")

set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_NAME libockham-dev)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS "libhwy-dev, libssl-dev, nlohmann-json3-dev, zlib1g-dev")
if(JPEG_FOUND)
  string(APPEND CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS ", libjpeg62-turbo-dev")
endif()
set(CPACK_COMPONENT_DEVELOPMENT_DESCRIPTION "deep learning with Bayesian architecture search (library)
Headers, static libraries and a CMake package: find_package(ockham).")
include(CPack)
