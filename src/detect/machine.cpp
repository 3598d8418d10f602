#include "src/detect/machine.h"

#include <dlfcn.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>

#ifdef __APPLE__
#include <sys/sysctl.h>
#endif

namespace weigh::core {

namespace {

constexpr std::size_t kMaxBytes = std::size_t{1} << 20;  // no file that is read here comes near it

// A library that is looked for at run time; one that is not there has no functions.
class Library {
 public:
  explicit Library(const char* name) : handle_(dlopen(name, RTLD_LAZY | RTLD_LOCAL)) {}
  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;
  ~Library() {
    if (handle_ != nullptr) dlclose(handle_);
  }

  template <typename Signature>
  [[nodiscard]] Signature* function(const char* name) const {
    return handle_ == nullptr ? nullptr : reinterpret_cast<Signature*>(dlsym(handle_, name));
  }

 private:
  void* handle_;
};

// The few functions of NVIDIA's management library that are used.
class Nvml {
 public:
  [[nodiscard]] std::vector<NvidiaDevice> devices() const {
    using Status = int;
    using Handle = void*;
    struct MemoryInfo {
      unsigned long long total, free, used;
    };
    const auto init = library_.function<Status()>("nvmlInit_v2");
    const auto shut_down = library_.function<Status()>("nvmlShutdown");
    const auto count_of = library_.function<Status(unsigned*)>("nvmlDeviceGetCount_v2");
    const auto handle_of = library_.function<Status(unsigned, Handle*)>("nvmlDeviceGetHandleByIndex_v2");
    const auto name_of = library_.function<Status(Handle, char*, unsigned)>("nvmlDeviceGetName");
    const auto memory_of = library_.function<Status(Handle, MemoryInfo*)>("nvmlDeviceGetMemoryInfo");
    std::vector<NvidiaDevice> found;
    const bool complete = init && shut_down && count_of && handle_of && name_of && memory_of;
    if (!complete || init() != 0) return found;
    unsigned count = 0;
    if (count_of(&count) != 0) count = 0;
    for (unsigned i = 0; i < count; ++i) {
      Handle handle = nullptr;
      std::array<char, 96> name{};
      MemoryInfo memory{};
      if (handle_of(i, &handle) != 0 || memory_of(handle, &memory) != 0) continue;
      if (name_of(handle, name.data(), static_cast<unsigned>(name.size() - 1)) != 0) name[0] = '\0';
      found.push_back({name.data(), memory.total, memory.free});
    }
    shut_down();
    return found;
  }

 private:
  Library library_{"libnvidia-ml.so.1"};
};

#ifdef __APPLE__
constexpr bool kHasMetal = true;
#else
constexpr bool kHasMetal = false;
#endif

// Metal and the Objective-C runtime through their C functions: no header of Apple's is needed, and it compiles
// everywhere.
class Metal {
 public:
  [[nodiscard]] std::optional<std::uint64_t> working_set() const {
    using Object = void*;
    using Selector = void*;
    const auto default_device = metal_.function<Object()>("MTLCreateSystemDefaultDevice");
    const auto selector = runtime_.function<Selector(const char*)>("sel_registerName");
    // One function for every message, each time called with the signature of the method that it stands for.
    const auto ask_bytes = runtime_.function<std::uint64_t(Object, Selector)>("objc_msgSend");
    const auto ask_whether = runtime_.function<bool(Object, Selector)>("objc_msgSend");
    const auto tell = runtime_.function<void(Object, Selector)>("objc_msgSend");
    const bool complete = default_device != nullptr && selector != nullptr && ask_bytes != nullptr;
    const Object device = complete ? default_device() : nullptr;
    if (device == nullptr) return std::nullopt;
    const bool shares_memory = ask_whether(device, selector("hasUnifiedMemory"));
    const std::uint64_t bytes = ask_bytes(device, selector("recommendedMaxWorkingSetSize"));
    tell(device, selector("release"));
    return shares_memory && bytes != 0 ? std::optional(bytes) : std::nullopt;
  }

 private:
  Library runtime_{"/usr/lib/libobjc.A.dylib"};
  // Without Core Graphics a program of the command line is given no default device.
  Library graphics_{"/System/Library/Frameworks/CoreGraphics.framework/CoreGraphics"};
  Library metal_{"/System/Library/Frameworks/Metal.framework/Metal"};
};

class ThisMachine : public Machine {
 public:
  [[nodiscard]] std::optional<std::string> read(const std::string& path) const override {
    std::ifstream file(path, std::ios::binary);
    if (!file) return std::nullopt;
    std::string text(kMaxBytes, '\0');
    file.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<std::size_t>(file.gcount()));
    return text;
  }

  [[nodiscard]] std::vector<std::string> list(const std::string& path) const override {
    std::vector<std::string> names;
    std::error_code error;
    for (std::filesystem::directory_iterator it(path, error), end; !error && it != end; it.increment(error)) {
      names.push_back(it->path().filename().string());
    }
    std::ranges::sort(names);
    return names;
  }

  [[nodiscard]] std::optional<std::string> sysctl([[maybe_unused]] const std::string& name) const override {
#ifdef __APPLE__
    std::array<char, 256> value{};
    std::size_t size = value.size() - 1;
    if (sysctlbyname(name.c_str(), value.data(), &size, nullptr, 0) != 0) return std::nullopt;
    if (name == "machdep.cpu.brand_string") return std::string(value.data());
    std::uint64_t number = 0;
    std::copy_n(value.data(), std::min(size, sizeof number), reinterpret_cast<char*>(&number));
    return std::to_string(number);
#else
    return std::nullopt;
#endif
  }

  [[nodiscard]] std::vector<NvidiaDevice> nvidia() const override { return Nvml().devices(); }

  [[nodiscard]] std::optional<std::uint64_t> metal_working_set() const override {
    return kHasMetal ? Metal().working_set() : std::nullopt;
  }
};

}  // namespace

std::unique_ptr<Machine> this_machine() { return std::make_unique<ThisMachine>(); }

}  // namespace weigh::core
