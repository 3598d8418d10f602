#include "src/audit/dangerous_imports.h"

#include <algorithm>
#include <array>

namespace weigh::core {

namespace {

// Sorted, for a binary search; of Python 2 as well. A module stands for its submodules too.
constexpr auto kModules = std::to_array<std::string_view>({
    "BaseHTTPServer",
    "SocketServer",
    "_aix_support",
    "_bootsubprocess",
    "_ctypes",
    "_frozen_importlib",
    "_imp",
    "_io",
    "_osx_support",
    "_pickle",
    "_posixshmem",
    "_posixsubprocess",
    "_pyrepl",
    "_socket",
    "_thread",
    "_winapi",
    "_xxsubinterpreters",
    "aiohttp",
    "asyncio",
    "bdb",
    "cProfile",
    "cffi",
    "cgitb",
    "cloudpickle",
    "code",
    "codeop",
    "commands",
    "compileall",
    "concurrent",
    "ctypes",
    "dill",
    "distutils",
    "doctest",
    "ensurepip",
    "fileinput",
    "ftplib",
    "gc",
    "glob",
    "http",
    "httplib",
    "httpx",
    "idlelib",
    "imaplib",
    "imp",
    "importlib",
    "inspect",
    "io",
    "lib2to3",
    "linecache",
    "logging",
    "marshal",
    "mmap",
    "msvcrt",
    "multiprocessing",
    "nt",
    "ntpath",
    "nturl2path",
    "os",
    "paramiko",
    "pdb",
    "pickle",
    "pickletools",
    "pip",
    "pkg_resources",
    "pkgutil",
    "platform",
    "popen2",
    "poplib",
    "posix",
    "posixpath",
    "profile",
    "psutil",
    "pty",
    "pydoc",
    "requests",
    "runpy",
    "sched",
    "setuptools",
    "shelve",
    "shutil",
    "signal",
    "site",
    "smtplib",
    "socket",
    "socketserver",
    "sqlite3",
    "ssl",
    "subprocess",
    "sys",
    "sysconfig",
    "telnetlib",
    "tempfile",
    "test",
    "threading",
    "timeit",
    "trace",
    "tracemalloc",
    "urllib",
    "urllib2",
    "urllib3",
    "venv",
    "webbrowser",
    "winreg",
    "xmlrpc",
    "zipimport",
});
static_assert(std::ranges::is_sorted(kModules));

// Of builtins a pickle of data needs types and exceptions. All else evaluates, opens or reaches further.
constexpr auto kHarmlessBuiltins = std::to_array<std::string_view>({
    "Ellipsis",   "False", "None",   "NotImplemented", "True",    "abs",     "all",    "any",
    "basestring", "bool",  "buffer", "bytearray",      "bytes",   "complex", "dict",   "float",
    "frozenset",  "int",   "len",    "list",           "long",    "max",     "min",    "object",
    "print",      "range", "repr",   "reversed",       "round",   "set",     "slice",  "sorted",
    "str",        "sum",   "tuple",  "type",           "unicode", "unichr",  "xrange", "zip",
});

struct ModuleName {
  std::string_view module;
  std::string_view name;
};
// One function of a module that is otherwise harmless.
constexpr auto kFunctions = std::to_array<ModuleName>({
    {"_operator", "attrgetter"},
    {"_operator", "methodcaller"},
    {"codecs", "open"},
    {"copyreg", "add_extension"},
    {"functools", "reduce"},
    {"_functools", "reduce"},
    {"itertools", "starmap"},
    {"joblib", "load"},
    {"keras.models", "load_model"},
    {"numpy", "fromfile"},
    {"numpy", "load"},
    {"numpy", "memmap"},
    {"operator", "attrgetter"},
    {"operator", "methodcaller"},
    {"pandas", "eval"},
    {"pandas", "read_pickle"},
    {"torch", "load"},
    {"torch", "save"},
    {"torch.jit", "load"},
    {"torch.serialization", "load"},
    {"types", "CodeType"},
    {"types", "FunctionType"},
    {"types", "LambdaType"},
    {"types", "MethodType"},
    {"types", "ModuleType"},
});

// Whatever module shows them.
constexpr auto kNames = std::to_array<std::string_view>({
    "Popen",        "__builtins__", "__class__",    "__code__",       "__dict__",   "__getattribute__", "__globals__",
    "__import__",   "__loader__",   "__mro__",      "__subclasses__", "check_call", "check_output",     "eval",
    "exec",         "execfile",     "exec_command", "execve",         "getoutput",  "getstatusoutput",  "import_module",
    "load_library", "popen",        "run_code",     "run_module",     "run_path",   "runcode",          "runstring",
    "shell_exec",   "spawnv",       "system",
});

// Parts of a path of attributes, and words of code, that are modules with nothing harmless in them.
constexpr auto kModuleWords = std::to_array<std::string_view>({
    "builtins",
    "ctypes",
    "importlib",
    "marshal",
    "nt",
    "os",
    "pip",
    "posix",
    "pty",
    "runpy",
    "shutil",
    "socket",
    "subprocess",
    "sys",
    "urllib",
    "requests",
});

template <std::size_t N>
bool is_among(const std::array<std::string_view, N>& words, std::string_view word) {
  return std::ranges::find(words, word) != words.end();
}

bool is_builtins(std::string_view module) { return module == "builtins" || module == "__builtin__"; }

bool is_exception(std::string_view name) {
  return name.ends_with("Error") || name.ends_with("Exception") || name.ends_with("Warning") ||
         name == "KeyboardInterrupt" || name == "StopIteration" || name == "SystemExit";
}

bool is_dangerous_part(std::string_view part) {
  if (is_among(kNames, part)) return true;
  while (part.starts_with('_')) part.remove_prefix(1);  // "random._os"
  return is_among(kModuleWords, part);
}

// What real models import of the modules in the list: the bytes of a buffer, a path, a level.
constexpr auto kHarmless = std::to_array<ModuleName>({
    {"_io", "BytesIO"},
    {"_io", "StringIO"},
    {"_pickle", "PickleBuffer"},
    {"io", "BytesIO"},
    {"io", "StringIO"},
    {"pickle", "PickleBuffer"},
});

}  // namespace

bool is_dangerous_module(std::string_view module) {
  return std::ranges::binary_search(kModules, module.substr(0, module.find('.')));
}

bool is_dangerous_import(std::string_view module, std::string_view name) {
  const auto is = [&](const ModuleName& row) { return row.module == module && row.name == name; };
  if (std::ranges::any_of(kHarmless, is)) return false;
  if (is_builtins(module)) return !is_among(kHarmlessBuiltins, name) && !is_exception(name);
  if (is_dangerous_module(module) || std::ranges::any_of(kFunctions, is)) return true;
  if (module.starts_with("torch.hub") || module.starts_with("numpy.testing") || module.starts_with("numpy.f2py") ||
      module.starts_with("torch.utils.cpp_extension") || module.starts_with("torch.utils._config_module")) {
    return true;
  }
  for (std::string_view rest = name; !rest.empty();) {
    const auto dot = std::min(rest.find('.'), rest.size());
    if (is_dangerous_part(rest.substr(0, dot))) return true;
    rest.remove_prefix(std::min(dot + 1, rest.size()));
  }
  return false;
}

bool is_dangerous_word(std::string_view word) { return is_among(kNames, word) || is_among(kModuleWords, word); }

}  // namespace weigh::core
