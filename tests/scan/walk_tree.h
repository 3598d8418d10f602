#pragma once

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

#include "src/scan/walk.h"
#include "tests/catch.h"

// Trees of folders for the tests of the walk, and what is met in them as text.

namespace weigh::core {

namespace fs = std::filesystem;

/// Makes a file large enough for a model.
inline const std::string kBody(70'000, '\0');

/// A tree that goes away with it. Models are files of the right name: a walk does not look into them.
struct Tree {
  fs::path root = fs::canonical(fs::temp_directory_path()) / ("weigh-walk-" + std::to_string(::getpid()));
  Tree() {
    fs::remove_all(root);
    fs::create_directories(root);
  }
  Tree(const Tree&) = delete;
  Tree& operator=(const Tree&) = delete;
  ~Tree() {
    std::error_code ignored;
    fs::remove_all(root, ignored);
  }

  void file(const std::string& name, const std::string& text = "x") const {
    fs::create_directories((root / name).parent_path());
    std::ofstream(root / name, std::ios::binary) << text;
  }
  void files(const std::vector<std::string>& names) const {
    for (const std::string& name : names) file(name);
  }
  /// `target` as a link has it: relative to the link's folder, or absolute.
  void link(const std::string& name, const std::string& target) const {
    fs::create_directories((root / name).parent_path());
    fs::create_symlink(target, root / name);
  }
  void hard_link(const std::string& name, const std::string& target) const {
    fs::create_directories((root / name).parent_path());
    fs::create_hard_link(root / target, root / name);
  }
  [[nodiscard]] std::string path(const std::string& name = "") const {
    return name.empty() ? root.string() : (root / name).string();
  }
};

struct Met {
  std::vector<FoundFolder> folders;
  std::vector<Failure> failures;

  /// "OWNER|FOLDER: names", a '-' before those that were met before; paths below the tree's root.
  [[nodiscard]] std::vector<std::string> texts(const Tree& tree) const {
    std::vector<std::string> all;
    for (const FoundFolder& found : folders) {
      const fs::path path = found.folder.path.empty() ? "." : found.folder.path;
      std::string text =
          found.owner + "|" +
          fs::absolute(path / "").lexically_normal().parent_path().lexically_relative(tree.root).string() + ":";
      for (const FoundFile& file : found.files) text += (file.first ? " " : " -") + file.name;
      all.push_back(text);
    }
    return all;
  }
  /// "PATH: why", the path below the tree's root.
  [[nodiscard]] std::vector<std::string> failed(const Tree& tree) const {
    std::vector<std::string> all;
    for (const Failure& failure : failures) {
      all.push_back(fs::path(failure.path).lexically_relative(tree.root).string() + ": " + failure.message);
    }
    return all;
  }
};

inline Met met(const std::vector<std::string>& roots) {
  Met result;
  walk(roots, {.found = [&](FoundFolder&& found) { result.folders.push_back(std::move(found)); },
               .failed = [&](Failure&& failure) { result.failures.push_back(std::move(failure)); },
               .passed = [](std::uint64_t) { return true; }});
  return result;
}

using Texts = std::vector<std::string>;

/// What a walk over a tree meets.
struct Row {
  std::string name;
  std::function<void(const Tree&)> make;
  std::vector<std::string> roots;  ///< below the tree; "" is the tree itself
  Texts found;
  Texts failed = {};
};

inline void check(const std::vector<Row>& rows) {
  for (const Row& row : rows) {
    const Tree tree;
    row.make(tree);
    std::vector<std::string> roots;
    for (const std::string& root : row.roots) roots.push_back(tree.path() + (root.empty() ? "" : "/" + root));
    const Met result = met(roots);
    CAPTURE(row.name);
    CHECK(result.texts(tree) == row.found);
    CHECK(result.failed(tree) == row.failed);
  }
}

struct WorkingFolder {
  fs::path before = fs::current_path();
  explicit WorkingFolder(const std::string& path) { fs::current_path(path); }
  WorkingFolder(const WorkingFolder&) = delete;
  WorkingFolder& operator=(const WorkingFolder&) = delete;
  ~WorkingFolder() { fs::current_path(before); }
};

}  // namespace weigh::core
