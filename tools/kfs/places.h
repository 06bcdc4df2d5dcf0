/* Where the other programs of kfs are. */
#ifndef KFS_TOOLS_PLACES_H
#define KFS_TOOLS_PLACES_H

/* The path of kfsd or kfs-interpreter: beside this program as installed or as built, else the bare
 * name, for PATH to find. The caller frees it; NULL without memory. */
char *places_find(const char *program);

#endif
