#pragma once

#include <dlfcn.h>

#include <initializer_list>
#include <string>

#include "formats/error.h"

namespace weigh::core {

/// A shared library that few commands need and whose mere presence would lengthen the start of all others. It is loaded
/// when the first of its functions is found, and stays.
class LoadedLibrary {
 public:
  /// The first of `names` that is there. Throws IoError, which names Debian's package of it, where none is.
  LoadedLibrary(std::initializer_list<const char*> names, const char* package) {
    for (const char* name : names) {
      handle_ = ::dlopen(name, RTLD_LAZY | RTLD_LOCAL);
      if (handle_ != nullptr) return;
    }
    throw IoError("needs " + std::string(*names.begin()) + ", which is not installed here (Debian: apt install " +
                  package + ")");
  }

  template <typename Function>
  Function* find(const char* name) const {
    void* const function = ::dlsym(handle_, name);
    if (function == nullptr) throw IoError("a library is of another version: it has no " + std::string(name));
    return reinterpret_cast<Function*>(function);
  }

 private:
  void* handle_ = nullptr;
};

}  // namespace weigh::core

/// The function of that name, looked up once in library(), of which each file that includes this has its own.
#define WEIGH_CALL(function)                                                  \
  (*[] {                                                                      \
    static auto* const found = library().find<decltype(function)>(#function); \
    return found;                                                             \
  }())
