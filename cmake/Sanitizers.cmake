# KFS_SANITIZE=address,undefined (or thread) builds everything under those sanitizers; a finding ends the program.
if(KFS_SANITIZE)
  add_compile_options(-fsanitize=${KFS_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${KFS_SANITIZE})
endif()
